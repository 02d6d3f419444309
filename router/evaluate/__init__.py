"""How well prompts are sent to the larger of two models: measures, baselines, intervals. Needs numpy; no plan does."""
