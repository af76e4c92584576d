"""The code of the mesh: an import package, path on disk = import path. `README.md` beside this file has its shape."""
