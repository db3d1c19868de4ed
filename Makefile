# Haoke's commands. `make` alone lists them: the sentence after ## is what a command says of itself.
.DEFAULT_GOAL := help
.PHONY: help run shell train test lint format figures benchmark benchmark-nlu benchmark-dialogue profile stock clean environment
PYTHON := .venv/bin/python

help: ## Lists these commands.
	@grep -E '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):.*## /\1|/' | awk -F '|' '{ printf "make %-13s %s\n", $$1, $$2 }'

run: environment ## Starts bot and desk and prints where to chat; Ctrl-C ends it. HAOKE_PORT=8005 HAOKE_DESK_PORT=8006 take other ports.
	@$(PYTHON) -m deploy.local run

shell: environment ## Starts the bot in this terminal.
	@$(PYTHON) -m deploy.local shell

train: environment ## Trains the bot, if anything it learns from has changed.
	@$(PYTHON) -m deploy.local train

test: ## Runs every check, as CI does, and prints how long each took.
	@started=$$(date +%s); bash deploy/bootstrap.sh && \
	HAOKE_ENVIRONMENT_SECONDS=$$(($$(date +%s) - started)) $(PYTHON) -m deploy.checks

lint: environment ## Checks style and types only.
	@$(PYTHON) -m deploy.checks style types

format: environment ## Rewrites the sources in the project's style.
	@$(PYTHON) -m ruff check --fix --quiet . ; $(PYTHON) -m ruff format .

figures: environment ## Keeps the figures of the last `make test`, and measures understanding, for the README.
	@mkdir -p docs/figures && cp var/checks.txt docs/figures/checks.txt
	@$(PYTHON) -m evaluation.nlu --test tests/nlu/heldout.yml --out docs/figures/nlu.json

benchmark: environment stock ## Measures the whole bot beside its stock twin, over REST. ONLY="start long" measures these only.
	@$(PYTHON) -m evaluation.whole $(if $(ONLY),--only $(ONLY))
	@$(PYTHON) -m evaluation.whole --table

benchmark-nlu: environment ## Measures understanding on the public sets in DATA=FOLDER. SETS="snips stock" runs these only.
	@$(PYTHON) -m evaluation.benchmark --data "$(DATA)" $(if $(SETS),--sets $(SETS))
	@$(PYTHON) -m evaluation.benchmark --table

benchmark-dialogue: environment ## Measures the dialogue policy beside Rasa's TED on the stories of the Rasa projects in DATA=FOLDER.
	@$(PYTHON) -m evaluation.dialogue --data "$(DATA)"
	@$(PYTHON) -m evaluation.dialogue --table

profile: environment ## Writes docs/profile.md: where a start and a message spend their time, in Rasa's own agent and in ours.
	@$(PYTHON) -m evaluation.profile

stock: ## Brings stock Rasa into evaluation/stock, for `make benchmark` and `make benchmark-nlu` to measure beside Haoke.
	@bash evaluation/stock/bootstrap.sh

environment: ## Installs uv, Python 3.10 and the locked packages; the other commands do it by themselves. FOR=serving (actions, desk) installs what that process uses alone.
	@bash deploy/bootstrap.sh $(FOR)

clean: ## Removes trained models, caches and logs; the environment and the databases in var/ stay.
	@rm -rf models/*.tar.gz .rasa results var/logs var/artefacts .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -not -path './.venv/*' -not -path './.tools/*' -not -path './evaluation/stock/.venv/*' -prune -exec rm -rf {} +
