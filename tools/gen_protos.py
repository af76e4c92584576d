"""Rebuild `protos/gen/jidoka` from `protos/jidoka`, byte for byte the same (the generator is pinned)."""

import shutil
import sys
from pathlib import Path

from grpc_tools import protoc

PROTOS = Path(__file__).resolve().parent.parent / "protos"


def generate(into: Path) -> None:
    """Write the Python package `jidoka` (messages, stubs, type hints) into `into`."""
    shutil.rmtree(into / "jidoka", ignore_errors=True)
    into.mkdir(parents=True, exist_ok=True)
    sources = sorted(str(path.relative_to(PROTOS)) for path in (PROTOS / "jidoka").rglob("*.proto"))
    google = Path(protoc.__file__).parent / "_proto"
    arguments = ["protoc", f"-I{PROTOS}", f"-I{google}", f"--python_out={into}", f"--pyi_out={into}"]
    if protoc.main([*arguments, *(s for s in sources if not s.endswith("_service.proto"))]) != 0:
        raise SystemExit("protoc refused the messages: see the lines above")
    services = [s for s in sources if s.endswith("_service.proto")]
    if protoc.main([*arguments, f"--grpc_python_out={into}", *services]) != 0:
        raise SystemExit("protoc refused the services: see the lines above")
    for folder in [into / "jidoka", *(p for p in (into / "jidoka").rglob("*") if p.is_dir())]:
        (folder / "__init__.py").touch()


def main() -> None:
    """Generate into the repository, or into the folder given as the first argument."""
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else PROTOS / "gen")


if __name__ == "__main__":
    main()
