"""Where the files of a case lie, and the files that are made before it."""

import os
from pathlib import Path

import ortlet

from .cases import SUITE, Wrong

FIXTURES = SUITE / "fixtures"


class Places:
    """The folders that texts of a case may name: `temp` is an empty one that only this case uses."""

    def __init__(self, temp):
        self.temp = str(temp)

    def fill(self, text):
        """A text with the names of folders in it."""
        text = text.replace("{fixtures}", str(FIXTURES)).replace("{temp}", self.temp)
        # Asked for only where it is needed.
        return text.replace("{runtimes}", os.environ["ORTLET_TEST_RUNTIMES"]) if "{runtimes}" in text else text

    def fill_all(self, json):
        """The same for all texts inside of JSON."""
        if isinstance(json, str):
            return self.fill(json)
        if isinstance(json, list):
            return [self.fill_all(element) for element in json]
        if isinstance(json, dict):
            return {key: self.fill_all(member) for key, member in json.items()}
        return json

    def options(self, case, field="options"):
        """Options of a kind; none if the case has none."""
        return self.fill_all(case.get(field) or {})

    def model(self, case):
        """The path of the file that a case is about."""
        if ("fixture" in case) == ("path" in case):
            raise Wrong("either `fixture` or `path` is needed")
        return self.fill(case["path"]) if "path" in case else str(FIXTURES / case["fixture"])

    def bytes(self, case):
        """The bytes that a case is about."""
        return bytes.fromhex(case["bytes"]) if "bytes" in case else Path(self.model(case)).read_bytes()

    def prepare(self, steps):
        """Makes the files that a case needs. Its errors are never those that the case expects."""
        for step in steps:
            ((kind, said),) = self.fill_all(step).items()
            try:
                PREPARE[kind](said)
            except (ortlet.Error, OSError) as error:
                raise Wrong(f"cannot be prepared: {kind}: {error!r}") from error


def change(path, bytes_of):
    """Writes a file anew: artifacts cannot be written to."""
    path = Path(path)
    changed = bytes_of(bytearray(path.read_bytes()))
    path.unlink()
    path.write_bytes(changed)


def damage(said):
    def flip(content):
        content[said["offset"]] ^= said["xor"]
        return content

    change(said["file"], flip)


def load(said):
    ortlet.Session(said["path"], said["options"]).close()


PREPARE = {
    "compile": lambda said: ortlet.compile(FIXTURES / said["fixture"], said["to"]),
    "load": load,
    "copy": lambda said: Path(said["to"]).write_bytes((FIXTURES / said["fixture"]).read_bytes()),
    "write": lambda said: Path(said["to"]).write_bytes(bytes.fromhex(said["bytes"])),
    "damage": damage,
    "cut": lambda said: change(said["file"], lambda content: content[: said["length"]]),
}
