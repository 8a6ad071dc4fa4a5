"""Secret keys for pseudonyms, and where they come from.

Belongs here: the key itself, the protocol of a key provider, and the providers that need no
service: a file outside the project and an environment variable.

Does not belong here: what is done with a key (``anonymization.pseudonyms``). A secret is never
part of a repr, an error or a log; errors say where a key was looked for and what to do next.
"""

import json
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

SECRET_BYTES: Final = 32
ENVIRONMENT_VARIABLE: Final = "FOLKEPULS_KEY"
_FILE_VERSION: Final = 1
_CREATE_HINT: Final = "Create one with `folkepuls keys init`."


class KeyAccessError(Exception):
    """A key could not be had, or is kept in a way that does not protect it."""


@dataclass(frozen=True)
class Key:
    """A secret with the name by which manifests refer to it.

    Attributes:
        id: Name of the key; says nothing about the secret.
        epoch: Counts rotations, from 1. Pseudonyms of two epochs cannot be joined.
        secret: 32 bytes (256 bits) from a cryptographic source. Not shown by ``repr``.

    Raises:
        KeyAccessError: If the secret is not 32 bytes, the id is empty or the epoch is below 1.
    """

    id: str
    epoch: int
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != SECRET_BYTES:
            raise KeyAccessError(
                f"Key {self.id!r}: expected {SECRET_BYTES} secret bytes, got {len(self.secret)}. "
                f"{_CREATE_HINT}"
            )
        if not self.id or self.epoch < 1:
            raise KeyAccessError("A key needs a name and an epoch of 1 or more.")


@runtime_checkable
class KeyProvider(Protocol):
    """Anything that can hand out keys.

    A provider over a vault (HashiCorp Vault, Azure Key Vault, an HSM) implements these two methods
    and nothing else: fetch the secret over the vault's own authenticated client when asked, keep it
    in memory only, return ``Key`` with the vault's version number as epoch, and raise
    ``KeyAccessError`` (never the client's own exception, which may quote a response) when the key
    is missing, sealed or refused. ``get`` of a destroyed version must fail: that is what makes a
    rotation final.
    """

    def current(self) -> Key:
        """The key that new pseudonyms are made with."""
        ...

    def get(self, key_id: str) -> Key:
        """The key of this name, as long as it has not been destroyed."""
        ...


class FileKeyProvider:
    """Keys from a JSON file that its owner alone may read.

    Args:
        path: The file, as made by ``create_key_file``.
        forbidden_root: A folder (the repository, the data zones) that must not hold the file, so
            that a key is never committed, copied or backed up beside what it protects.

    Raises:
        KeyAccessError: When a key is asked for and the file is missing, lies inside the forbidden
            root, belongs to somebody else, may be read or written by others, or is no key file.
    """

    def __init__(self, path: Path, *, forbidden_root: Path | None = None) -> None:
        self._path = path
        self._forbidden_root = forbidden_root

    def current(self) -> Key:
        """The key of the highest epoch."""
        return max(self._keys(), key=lambda key: key.epoch)

    def get(self, key_id: str) -> Key:
        """The key of this name.

        Raises:
            KeyAccessError: If the file holds no such key.
        """
        keys = self._keys()
        for key in keys:
            if key.id == key_id:
                return key
        raise KeyAccessError(
            f"Key file {self._path}: no key named {key_id!r} among {len(keys)}. It may have been "
            "destroyed in a rotation; what it made cannot be joined any more."
        )

    def _keys(self) -> list[Key]:
        _refuse_forbidden(self._path, self._forbidden_root)
        text = _read_private(self._path)
        try:
            content = json.loads(text)
            if content["version"] != _FILE_VERSION:
                raise ValueError
            keys = [
                Key(str(key["id"]), int(key["epoch"]), bytes.fromhex(key["secret"]))
                for key in content["keys"]
            ]
            if not keys or len({key.epoch for key in keys}) != len(keys):
                raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError):
            # The cause is cut off: a parser's message may quote the file.
            raise KeyAccessError(
                f"Key file {self._path}: expected version {_FILE_VERSION} with one named key per "
                f"epoch. Restore it from its backup; a new key makes new pseudonyms. "
                f"{_CREATE_HINT}"
            ) from None
        return keys


class EnvironmentKeyProvider:
    """One key from an environment variable, ``<id>:<epoch>:<64 hexadecimal digits>``.

    For containers whose secrets arrive that way. Every process of the same user can read another's
    environment, so prefer a file or a vault on shared machines.

    Args:
        variable: Name of the variable.
        environment: Where to look; the process environment when not given.
    """

    def __init__(
        self,
        variable: str = ENVIRONMENT_VARIABLE,
        *,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._variable = variable
        self._environment = os.environ if environment is None else environment

    def current(self) -> Key:
        """The key of the variable.

        Raises:
            KeyAccessError: If the variable is not set or not of the expected form.
        """
        value = self._environment.get(self._variable)
        if not value:
            raise KeyAccessError(
                f"Environment variable {self._variable} is not set. Set it to "
                f"<id>:<epoch>:<64 hexadecimal digits>, or use a key file. {_CREATE_HINT}"
            )
        try:
            key_id, epoch, secret = value.split(":")
            return Key(key_id, int(epoch), bytes.fromhex(secret))
        except ValueError:
            raise KeyAccessError(
                f"Environment variable {self._variable}: expected <id>:<epoch>:<64 hexadecimal "
                "digits>. Its content is not shown."
            ) from None

    def get(self, key_id: str) -> Key:
        """The key of the variable, if it has this name.

        Raises:
            KeyAccessError: If the variable holds another key.
        """
        key = self.current()
        if key.id != key_id:
            raise KeyAccessError(
                f"Environment variable {self._variable} holds key {key.id!r}, not {key_id!r}. "
                "Older keys need a key file or a vault."
            )
        return key


def create_key_file(path: Path, *, forbidden_root: Path | None = None) -> Key:
    """Make a file with one new 256-bit key of epoch 1, readable by its owner alone.

    Args:
        path: Where to; missing folders are made 0700.
        forbidden_root: A folder that must not hold the file.

    Returns:
        The new key.

    Raises:
        KeyAccessError: If the file exists (a key is never overwritten: all pseudonyms made with it
            would be orphaned) or would lie inside the forbidden root.
    """
    _refuse_forbidden(path, forbidden_root)
    key = Key(f"key-{secrets.token_hex(4)}", 1, secrets.token_bytes(SECRET_BYTES))
    content = {
        "version": _FILE_VERSION,
        "keys": [{"id": key.id, "epoch": key.epoch, "secret": key.secret.hex()}],
    }
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Written beside and linked in: the link fails if the file exists, and nobody sees half a key.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(json.dumps(content, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        raise KeyAccessError(
            f"Key file {path} exists and is not overwritten: pseudonyms made with it would be "
            "orphaned. Use it, or name another file."
        ) from None
    finally:
        temporary.unlink(missing_ok=True)
    return key


def _refuse_forbidden(path: Path, forbidden_root: Path | None) -> None:
    if forbidden_root is not None and path.resolve().is_relative_to(forbidden_root.resolve()):
        raise KeyAccessError(
            f"Key file {path} lies inside {forbidden_root}, where it could be copied along with "
            "what it protects. Keep it elsewhere, for example ~/.config/folkepuls/keys.json."
        )


def _read_private(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            # Judged by the open file, so that it cannot be swapped between look and read.
            status = os.fstat(file.fileno())
            mode = stat.S_IMODE(status.st_mode)
            if mode & 0o177:
                raise KeyAccessError(
                    f"Key file {path}: expected mode 0600, got {mode:04o}. If nobody else can have "
                    f"read it, run `chmod 600 {path}`; otherwise rotate the key."
                )
            if status.st_uid != os.geteuid():
                raise KeyAccessError(
                    f"Key file {path} belongs to another user. Use a file of your own. "
                    f"{_CREATE_HINT}"
                )
            return file.read()
    except FileNotFoundError:
        raise KeyAccessError(f"Key file {path} does not exist. {_CREATE_HINT}") from None
    except OSError as error:
        raise KeyAccessError(
            f"Key file {path} cannot be read ({error.strerror}). Check the path and its owner."
        ) from None
    except UnicodeDecodeError:
        raise KeyAccessError(
            f"Key file {path} is not text. Restore it from its backup. {_CREATE_HINT}"
        ) from None
