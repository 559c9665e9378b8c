#!/usr/bin/env bash
# Put the GitHub action and the GitLab component into folders that a release pushes as projects of their own: the marketplace
# takes no action beside workflows, and GitLab takes a component only from templates/ at the top of its project.
# Usage: tools/release/projects.sh FOLDER
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${1:?name a folder}
mkdir -p "$target/vmgen-action" "$target/vmgen-component/templates"
cp -R action.yml LICENSE requirements.lock pyproject.toml README.md generator templates schema "$target/vmgen-action/"
cp gitlab/vmgen.yml "$target/vmgen-component/templates/vmgen.yml"
cp LICENSE "$target/vmgen-component/"
find "$target" -name __pycache__ -prune -exec rm -rf {} +
printf '# vmgen as a GitLab component\n\nThe inputs are described in templates/vmgen.yml.\n' > "$target/vmgen-component/README.md"
