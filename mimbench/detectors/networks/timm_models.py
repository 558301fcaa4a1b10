"""Models of timm by name, with the weights that timm downloads."""

import socket
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from mimbench.detectors.parameters import Side
from mimbench.errors import RecipeError, UnknownNameError, WeightsError

__all__ = ["TIMM", "timm_model"]

TIMM = "timm/"  # before a name of timm's
FILE = "model.safetensors"  # what the hub calls the weights of each model
PATIENCE = 5  # seconds until the hub counts as out of reach


def timm_model(name: str, classes: int, download: bool, side: Side) -> Any:
    """A model of timm with a new head.

    Args:
        name: without "timm/"; what follows a dot says which of its weights.
        classes: outputs of the head.
        download: whether it has timm's weights, downloaded once, or random ones.
        side: of the images that it will see, as for `preprocessing_of`.

    Raises:
        UnknownNameError: no such model.
        WeightsError: the weights cannot be downloaded.
        RecipeError: the network cannot take images of this size.
    """
    import timm  # takes seconds, and few runs need it

    model, _, _ = name.partition(".")
    if not timm.is_model(model):
        raise UnknownNameError("architecture in timm", model, timm.list_models())
    stated: Any = timm.get_pretrained_cfg(name)
    fixed = stated is not None and stated.fixed_input_size
    resized = fixed and isinstance(side, int) and side != stated.input_size[-1]
    options: dict[str, Any] = {"dynamic_img_size": True} if resized else {}
    try:
        if download:
            options |= {"pretrained": True, **_kept_file(stated)}
        body: Any = timm.create_model(name, num_classes=classes, **options)
    except TypeError as error:
        if not resized:
            raise
        own = stated.input_size[-1]
        raise RecipeError(f"{TIMM}{name} takes images of {own} px alone: side = 'own'.") from error
    except (OSError, RuntimeError) as error:
        raise WeightsError(
            f"Weights of {TIMM}{name} cannot be downloaded; give a file instead: "
            f"weights = 'path/to/{FILE}' in the recipe."
        ) from error
    patch = body.patch_embed.patch_size[0] if resized else 1
    if isinstance(side, int) and side % patch:
        raise RecipeError(f"{TIMM}{name} needs a side that {patch} px divide, not {side}.")
    return body


def _kept_file(stated: Any) -> dict[str, Any]:
    """Where the weights lie since an earlier download, if the hub is out of reach.

    timm would ask the hub for a minute before it uses the same file.

    Raises:
        OSError: there was no earlier download.
    """
    from huggingface_hub import constants, try_to_load_from_cache

    if urllib.request.getproxies() or _reachable(constants.ENDPOINT):
        return {}
    kept = try_to_load_from_cache(stated.hf_hub_id, FILE) if stated and stated.hf_hub_id else None
    if not isinstance(kept, str):
        raise OSError("the hub is out of reach")
    return {"pretrained_cfg_overlay": {"file": kept}}


def _reachable(address: str) -> bool:
    place = urlsplit(address)
    try:
        socket.create_connection((place.hostname or "", place.port or 443), PATIENCE).close()
    except OSError:
        return False
    return True
