"""A Celery application whose worker loads its plugins before it forks; the broker is a folder."""

import prefork
from celery import Celery

_queue = prefork.FOLDER / "queue"
_queue.mkdir(exist_ok=True)
app = Celery("tasks", broker="filesystem://")
app.conf.update(
    broker_transport_options={
        "data_folder_in": str(_queue),
        "data_folder_out": str(_queue),
        "control_folder": str(_queue / "control"),  # the default is in the working directory
    },
    task_ignore_result=True,
    worker_prefetch_multiplier=4,
    worker_max_tasks_per_child=100,  # workers are forked again while others work
)
note = app.task(prefork.note)
