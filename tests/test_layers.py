"""Who may import whom, and what may not be imported or called at all."""

from __future__ import annotations

import ast
import functools
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


@functools.cache
def tree(module: str) -> ast.Module:
    return ast.parse(path_of(module).read_text(encoding="utf-8"))


@functools.cache
def imports(module: str) -> frozenset[str]:
    """Dotted names of everything that a module imports, anywhere in it; `from a import b` gives a and a.b."""
    found: set[str] = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            base = node.module or ""
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def tops(module: str) -> set[str]:
    return {name.partition(".")[0] for name in imports(module)}


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


PACKAGE = pytest.mark.parametrize("package", PACKAGES)


@PACKAGE
def test_a_module_imports_only_what_its_layer_may(package: str) -> None:
    strangers = {module: tops(module) & OURS - MAY_IMPORT[package] for module in modules(package)}

    assert {module: found for module, found in strangers.items() if found} == {}


def test_only_the_composition_root_knows_the_models() -> None:
    knowing = {module for module in modules("engine") if "models" in tops(module)}

    assert knowing == {"engine.bootstrap", "engine.bootstrap_bundle"}


def test_only_the_composition_root_knows_the_stores() -> None:
    knowing = {module for module in modules("engine") if any(map(is_store, imports(module)))}

    assert {module for module in knowing if not is_store(module)} <= {"engine.bootstrap", "engine.__main__"}


def test_decisions_know_no_wire() -> None:
    knowing = {module for module in modules("engine") if tops(module) & {"grpc", "google"}}

    assert {one for one in knowing if not one.startswith("engine.servicers.")} == {
        "engine.bootstrap",
        "engine.server",
    }


def test_models_know_no_service() -> None:
    assert [module for module in modules("models") if tops(module) & {"grpc", "asyncio", "google"}] == []


@PACKAGE
def test_only_a_program_reads_the_environment(package: str) -> None:
    reading = [module for module in modules(package) if reads_environment(module)]

    assert [
        one for one in reading if not one.endswith(".__main__") and not one.startswith("yingda.cli.")
    ] == []


def test_nothing_that_serves_can_run_what_comes_from_outside() -> None:
    unsafe = {one: tops(one) & UNSAFE_MODULES | set(calls(one)) & UNSAFE_CALLS for one in serving_modules()}

    assert {module: found for module, found in unsafe.items() if found} == {}


def test_nothing_that_serves_needs_what_only_training_needs() -> None:
    assert [module for module in serving_modules() if tops(module) & HEAVY] == []


def test_a_client_needs_grpc_and_protobuf_alone() -> None:
    enough = {"yingda", "grpc", "google", "__future__"} | sys.stdlib_module_names
    of_the_client = [one for one in modules("yingda") if one.split(".")[1:2] not in (["service"], ["cli"])]
    needed = {one: tops(one) - enough for one in of_the_client}

    assert "yingda.client" in of_the_client
    assert {module: found for module, found in needed.items() if found} == {}


@PACKAGE
def test_every_module_says_what_it_is_and_postpones_annotations(package: str) -> None:
    silent = [one for one in modules(package) if not ast.get_docstring(tree(one))]
    eager = [one for one in modules(package) if len(tree(one).body) > 1 and "__future__" not in tops(one)]

    assert (silent, eager) == ([], [])
