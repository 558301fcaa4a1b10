"""Who does the tasks of a plan: this process, or workers."""
