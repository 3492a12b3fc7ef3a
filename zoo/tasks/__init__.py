"""Tasks define what a model's outputs mean. Each file contains one family of tasks."""

from zoo.tasks.task import TASKS, Task, find_task, guess_task, register_task, tasks_for

__all__ = ["TASKS", "Task", "find_task", "guess_task", "register_task", "tasks_for"]
