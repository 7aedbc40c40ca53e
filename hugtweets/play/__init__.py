"""A local web page to play with the models, and the same as a small JSON API.

Made of FastAPI and uvicorn, which Prefect brings along, and one page written by hand. Gradio would be the usual choice;
it brings many packages more, its pages load fonts and scripts from elsewhere, and it reports its use
unless told not to. Here no page makes a request to anything but this program, and the API describes itself.
"""
