"""The pages: what was asked, what happened and what it cost, drawn from the gateway's HTTP API and nothing else."""
