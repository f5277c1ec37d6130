#!/bin/sh
# Packages the tree once more, from a copy in another directory, with another umask and
# time zone, and compares with the checksums of what is in dist: reproducible.sh MAKE-ARGUMENTS
set -eu
here=$(pwd)
GIT_DIR=$(git rev-parse --absolute-git-dir)
export GIT_DIR
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
umask 077
git --work-tree=. ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$copy"
cd "$copy"
TZ=Pacific/Kiritimati make -s packages "$@" >make.log 2>&1 || { cat make.log >&2; exit 1; }
cd dist
sha256sum --check --quiet "$here/dist/checksums.txt" >&2 || { echo "two builds of the same tree differ" >&2; exit 1; }
echo "$(wc -l <"$here/dist/checksums.txt") files, the same from another directory"
