"""`python -m models key` and `python -m models sign`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from models import manifest as manifests
from models import signature
from models.commands.command import BUNDLE, Command, console
from models.manifest import Manifest


def _configure_key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, help="file for the private key; it must not exist yet")


def _run_key(options: argparse.Namespace) -> None:
    console.print(f"public key: {signature.create_key(options.path)}")


def _configure_sign(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bundle", type=Path, default=BUNDLE, help="bundle folder (%(default)s)")
    parser.add_argument("--key", type=Path, required=True, help="file with the private key")


def _run_sign(options: argparse.Namespace) -> None:
    manifest = Manifest.load(options.bundle)
    manifests.check_files(options.bundle, manifest)
    signature.sign(manifest, options.key).save(options.bundle)
    console.print(f"signed {manifest.id}")


KEY: Final = Command(
    purpose="Make a private key to sign bundles with, and print its public key.",
    example="python -m models key ~/.yingda/signing.key",
    configure=_configure_key,
    run=_run_key,
)
SIGN: Final = Command(
    purpose="Sign a bundle.",
    example="python -m models sign --bundle models/bundles/ecommerce --key ~/.yingda/signing.key",
    configure=_configure_sign,
    run=_run_sign,
)
