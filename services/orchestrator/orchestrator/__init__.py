"""The orchestrator: decides who sends what, and adds up what came of it."""
