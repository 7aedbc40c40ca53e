"""The steps of the job, one module each: plan an artifact, make it, show it in Weights & Biases.

``fetch → clean → tokenise → finetune → sample → evaluate``; the last step, ``report``, is in :mod:`hugtweets.report`. A
step is a pure function of files and configuration; its module offers ``plan_<step>`` (what would be made, known before
any work), ``<step>`` (make it unless it is there) and, where a run has something to tell of it, ``record_<step>``.
"""
