"""Tasks: what a model's outputs mean, one sort of task in each file."""

from zoo.tasks.task import TASKS, Task, find_task, guess_task, register_task, tasks_for

__all__ = ["TASKS", "Task", "find_task", "guess_task", "register_task", "tasks_for"]
