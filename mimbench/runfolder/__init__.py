"""What a run leaves on disk, read and written without torch.

There is a file for each thing in the folder (`info`, `history`, `store`, `score_blocks`, `lock`)
and for each thing that is done with a finished run (`compact`, `cleanup`, `added_rows`).
"""
