"""`python -m models key` and `python -m models sign`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from models import manifest as manifests
from models import signature
from models.commands.command import BUNDLE, Command, console
from models.errors import InputError
from models.manifest import Manifest

DEVELOPMENT_KEY: Final = Path("data/signing.key")  # an engine makes it in its data folder, and trusts it


def add_key(parser: argparse.ArgumentParser) -> None:
    """The option that names the private key; `__main__` fills in what the environment says."""
    parser.add_argument(
        "--key",
        type=Path,
        help=f"file with the private key (YINGDA_SIGNING_KEY, or {DEVELOPMENT_KEY} where an engine made it)",
    )


def sign_if_possible(bundle: Path, key: Path | None) -> bool:
    """Sign with the key, or the development key where there is one; whether it was signed."""
    chosen = key or (DEVELOPMENT_KEY if DEVELOPMENT_KEY.is_file() else None)
    if chosen is None:
        return False
    _sign(bundle, chosen)
    return True


def _configure_key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, help="file for the private key; it must not exist yet")


def _run_key(options: argparse.Namespace) -> None:
    console.print(f"public key: {signature.create_key(options.path)}")


def _configure_sign(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bundle", type=Path, default=BUNDLE, help="bundle folder (%(default)s)")
    add_key(parser)


def _run_sign(options: argparse.Namespace) -> None:
    if not sign_if_possible(options.bundle, options.key):
        raise InputError(
            f"no private key: give one with --key, set YINGDA_SIGNING_KEY, or start an engine, which makes "
            f"{DEVELOPMENT_KEY}"
        )
    console.print(f"signed {Manifest.load(options.bundle).id}")


def _sign(bundle: Path, key: Path) -> None:
    manifest = Manifest.load(bundle)
    manifests.check_files(bundle, manifest)
    signature.sign(manifest, key).save(bundle)


KEY: Final = Command(
    purpose="Make a private key to sign bundles with, and print its public key.",
    example="python -m models key ~/.yingda/signing.key",
    configure=_configure_key,
    run=_run_key,
)
SIGN: Final = Command(
    purpose="Sign a bundle.",
    example="python -m models sign --bundle my-bundle --key ~/.yingda/signing.key",
    configure=_configure_sign,
    run=_run_sign,
)
