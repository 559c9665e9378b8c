#!/usr/bin/env bash
# Build what a release holds into dist/: source, wheel, one file that runs (for this Python and system), and the bill of materials.
# Usage: tools/release/build.sh [PYTHON]
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${1:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -rf dist

"$python" -I -m venv "$work/venv"
pip=("$work/venv/bin/python" -I -m pip --quiet --disable-pip-version-check)
"${pip[@]}" install build==1.3.0 hatchling==1.33.0 shiv==1.0.8
# The dates in the files are those of the commit, so that a second build gives the same bytes.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
"$work/venv/bin/python" -m build --no-isolation --outdir dist . > /dev/null

# The libraries of the lock file, without what is for Linux only and not ours.
sed -n 's/^\([A-Za-z0-9_.-]*==[^ ;]*\).*/\1/p' requirements.lock > "$work/constraints.txt"
"${pip[@]}" install --target "$work/site" --constraint "$work/constraints.txt" dist/*.whl
version=$("$work/venv/bin/python" -c 'import runpy; print(runpy.run_path("generator/vmgen/__init__.py")["__version__"])')
"$work/venv/bin/shiv" --compressed --reproducible --site-packages "$work/site" --python '/usr/bin/env python3' \
  --console-script vmgen --output-file "dist/vmgen-$version.pyz"
"$work/venv/bin/python" -m tools.release.bill requirements.lock "$version" > "dist/vmgen-$version.cdx.json"
(cd dist && sha256sum -- * > "$work/sums" && mv "$work/sums" SHA256SUMS)
ls -l dist
