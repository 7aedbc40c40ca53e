"""The report: a static site over all accounts of a home, which opens from disk and asks no network for anything.

An account's page is made once for each state of its artifacts and published into the site; the overview is made from
what the published pages know of themselves.
"""
