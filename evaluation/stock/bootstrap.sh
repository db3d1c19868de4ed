#!/usr/bin/env bash
# Brings Rasa as it comes, with TensorFlow, into evaluation/stock/.venv, where `--config stock` is trained and measured.
# uv and Python 3.10 are found and fetched as for Haoke itself. Quick when there is nothing to do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=deploy/bootstrap.sh
source deploy/bootstrap.sh

bring_stock() {
    local python
    get_uv
    python=$(get_python) ||
        give_up "Python 3.10 is not here and could not be fetched; install it (for example 'pyenv install 3.10') and run the command again."
    patiently 'Installing stock Rasa (2 GB)' "$UV" sync --frozen --quiet --compile-bytecode --project evaluation/stock --python "$python" ||
        give_up "uv could not install stock Rasa (its reason stands above); once that is mended, run the command again."
}

bring_stock
