"""Who may import whom, and what may not be imported or called at all."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"yingda", "engine", "gateway", "models", "benchmarks", "tests"}
PACKAGES = {
    "yingda": ROOT / "sdk" / "yingda",
    **{name: ROOT / name for name in ("engine", "gateway", "models")},
}
MAY_IMPORT = {
    "yingda": {"yingda"},
    "engine": {"engine", "yingda", "models"},
    "gateway": {"gateway", "yingda"},
    "models": {"models"},
}
ROOTS = {"bootstrap", "__main__"}  # where concrete classes and the environment may be seen
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jinja2", "mako"}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__"}
HEAVY = {"torch", "sentence_transformers", "transformers", "matplotlib"}


def modules(package: str) -> list[str]:
    """Dotted names of all modules, generated code excepted."""
    folder = PACKAGES[package]
    paths = sorted(folder.rglob("*.py"))
    names = [".".join([package, *path.relative_to(folder).with_suffix("").parts]) for path in paths]
    return [name.removesuffix(".__init__") for name in names if not name.startswith("yingda.v1.")]


def path_of(module: str) -> Path:
    package, _, rest = module.partition(".")
    path = PACKAGES[package].joinpath(*rest.split(".")) if rest else PACKAGES[package]
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def tree(module: str) -> ast.Module:
    return ast.parse(path_of(module).read_text(encoding="utf-8"))


def imports(module: str) -> set[str]:
    """Dotted names of everything that a module imports, anywhere in it; `from a import b` gives a and a.b."""
    found: set[str] = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            base = node.module or ""
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return found


def tops(module: str) -> set[str]:
    return {name.partition(".")[0] for name in imports(module)}


def of(*packages: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("module", [name for package in packages for name in modules(package)])


def is_store(name: str) -> bool:
    return name.startswith("engine.stores.")


def reads_environment(module: str) -> bool:
    return any(
        (isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv", "getenvb"))
        or (isinstance(node, ast.alias) and node.name in ("environ", "getenv"))
        for node in ast.walk(tree(module))
    )


def calls(module: str) -> Iterator[str]:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id


def serving_modules() -> list[str]:
    """What an engine or a gateway loads, found by following the imports."""
    known = {name for package in PACKAGES for name in modules(package)}
    found: set[str] = set()
    new = {"engine.__main__", "gateway.__main__"}
    while new:
        found |= new
        new = {name for module in new for name in imports(module) if name in known} - found
    return sorted(found)


def test_there_are_modules_to_test() -> None:
    assert {len(modules(package)) > 10 for package in PACKAGES} == {True}
    assert {"models.bundle", "engine.pipeline", "yingda.batcher"} <= set(serving_modules())
    assert "models.train" not in serving_modules()


@of("yingda", "engine", "gateway", "models")
def test_a_module_imports_only_what_its_layer_may(module: str) -> None:
    package = module.partition(".")[0]

    assert tops(module) & OURS <= MAY_IMPORT[package]


@of("engine")
def test_only_the_composition_root_knows_the_models(module: str) -> None:
    assert module == "engine.bootstrap" or "models" not in tops(module)


@of("engine")
def test_only_the_composition_root_knows_the_stores(module: str) -> None:
    stores = {name for name in imports(module) if is_store(name)}

    assert module.rpartition(".")[2] in ROOTS or is_store(module) or not stores


@of("engine")
def test_decisions_know_no_wire(module: str) -> None:
    is_face = module.startswith("engine.servicers") or module in ("engine.server", "engine.bootstrap")

    assert is_face or not tops(module) & {"grpc", "google"}


@of("models")
def test_models_know_no_service(module: str) -> None:
    assert not tops(module) & {"grpc", "asyncio", "google"}


@of("yingda", "engine", "gateway", "models")
def test_only_a_program_reads_the_environment(module: str) -> None:
    is_program = module.endswith(".__main__") or module.startswith("yingda.cli")

    assert is_program or not reads_environment(module)


@pytest.mark.parametrize("module", serving_modules())
def test_nothing_that_serves_can_run_what_comes_from_outside(module: str) -> None:
    assert not tops(module) & UNSAFE_MODULES
    assert not set(calls(module)) & UNSAFE_CALLS


@pytest.mark.parametrize("module", serving_modules())
def test_nothing_that_serves_needs_what_only_training_needs(module: str) -> None:
    assert not tops(module) & HEAVY


@pytest.mark.parametrize(
    "module", [name for name in modules("yingda") if not name.startswith(("yingda.service", "yingda.cli"))]
)
def test_a_client_needs_grpc_and_protobuf_alone(module: str) -> None:
    assert tops(module) <= {"yingda", "grpc", "google", "__future__"} | sys.stdlib_module_names


@of("yingda", "engine", "gateway", "models")
def test_every_module_says_what_it_is_and_postpones_annotations(module: str) -> None:
    content = tree(module)

    assert ast.get_docstring(content)
    assert len(content.body) == 1 or "__future__" in tops(module)
