"""Do the tasks of a run on the workers of a Dask cluster; needs the extra `dask`."""
