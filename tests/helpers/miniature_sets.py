"""Public data sets in miniature: generated images in the layout and columns of the real set."""

import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["MINIATURES", "write_image"]


def write_image(path: Path) -> None:
    """A small noisy image; files of one name have the same content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = zlib.crc32(path.name.encode())
    noise = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)


def _images(root: Path, names: list[str]) -> None:
    for name in names:
        write_image(root / name)


def _msld(root: Path) -> None:
    _images(root, ["Original Images/Monkey Pox/M01_01.jpg", "Original Images/Others/NM01_01.jpg"])


def _msld_v2(root: Path) -> None:
    fold = "Original Images/FOLDS/fold1/Train"
    _images(root, [f"{fold}/Monkeypox/MKP_01_01.jpg", f"{fold}/Chickenpox/CHP_01_01.jpg"])


def _msid(root: Path) -> None:
    for name in ("Chickenpox", "Measles", "Monkeypox", "Normal"):
        _images(
            root, [f"Monkeypox Skin Image Dataset/{name}/{name.lower()}{k}.png" for k in (1, 2)]
        )


def _dermnet(root: Path) -> None:
    from mimbench.data.sets.facts import data_set

    for k, folder in enumerate(data_set("dermnet").folders):
        _images(root, [f"{'test' if k % 4 == 0 else 'train'}/{folder}/photo-{k}.jpg"])


def _pad_ufes_20(root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / "metadata.csv").write_text(
        "patient_id,lesion_id,smoke,age,fitspatrick,img_id,diagnostic,biopsed\n"
        "PAT_1,10,False,8,3.0,PAT_1_10_100.png,NEV,False\n"
        "PAT_1,10,False,8,3.0,PAT_1_10_101.png,NEV,False\n"
        "PAT_2,11,,60,,PAT_2_11_102.png,BCC,True\n"
        "PAT_3,12,,60,1.0,PAT_3_12_103.png,BCC,True\n"
    )
    names = ["1/PAT_1_10_100", "1/PAT_1_10_101", "2/PAT_2_11_102"]  # the fourth is missing
    _images(root, [*(f"images/imgs_part_{name}.png" for name in names), "images/other.png"])


def _ham10000(root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / "HAM10000_metadata.csv").write_text(
        "lesion_id,image_id,dx,dx_type,age,sex,localization,dataset\n"
        "HAM_1,ISIC_0027419,bkl,histo,80.0,male,scalp,vidir_modern\n"
        "HAM_1,ISIC_0025030,bkl,histo,80.0,male,scalp,vidir_modern\n"
        "HAM_2,ISIC_0026769,nv,follow_up,30.0,female,ear,rosendahl\n"
    )
    _images(root, [f"HAM10000_images_part_1/ISIC_00{k}.jpg" for k in (27419, 25030)])
    _images(root, ["HAM10000_images_part_2/ISIC_0026769.jpg"])
    _images(root, ["ham10000_images_part_2/ISIC_0026769.jpg"])  # as the copy on Kaggle


def _isic(root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / "metadata.csv").write_text(
        "isic_id,attribution,copyright_license,diagnosis_1,diagnosis_2,diagnosis_3,"
        "fitzpatrick_skin_type,lesion_id,patient_id\n"
        "ISIC_1,MSK,CC-0,Benign,Benign melanocytic proliferations,Nevus,II,IL_1,IP_1\n"
        "ISIC_2,MSK,CC-0,Malignant,,,,IL_2,\n"
        "ISIC_3,Vienna,CC-BY,,,,,,\n"
    )
    _images(root, [f"ISIC_{k}.jpg" for k in (1, 2, 3)])


def _isic_2020(root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / "train.csv").write_text(
        "image_name,patient_id,sex,age_approx,anatom_site_general_challenge,diagnosis,"
        "benign_malignant,target\n"
        "ISIC_5,IP_7,male,45,head/neck,unknown,benign,0\n"
        "ISIC_6,IP_7,male,45,torso,melanoma,malignant,1\n"
    )
    _images(root, ["train/ISIC_5.jpg", "train/ISIC_6.jpg"])


def _isic_2017(root: Path) -> None:
    for part, number, cells in (("Training", 1, "1.0,0.0"), ("Test_v2", 2, "0.0,0.0")):
        _images(root, [f"ISIC-2017_{part}_Data/ISIC_000000{number}.jpg"])
        (root / f"ISIC-2017_{part}_Part3_GroundTruth.csv").write_text(
            f"image_id,melanoma,seborrheic_keratosis\nISIC_000000{number},{cells}\n"
        )


def _isic_2018(root: Path) -> None:
    _images(root, [f"ISIC2018_Task3_Training_Input/ISIC_002430{k}.jpg" for k in (6, 7, 8)])
    (root / "ISIC2018_Task3_Training_GroundTruth.csv").write_text(
        "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\n"
        "ISIC_0024306,0.0,1.0,0.0,0.0,0.0,0.0,0.0\n"
        "ISIC_0024307,0.0,1.0,0.0,0.0,0.0,0.0,0.0\n"
        "ISIC_0024308,0.0,0.0,0.0,1.0,0.0,0.0,0.0\n"
    )
    (root / "ISIC2018_Task3_Training_LesionGroupings.csv").write_text(
        "image,lesion_id,diagnosis_confirm_type\n"
        "ISIC_0024306,HAM_1,single image expert consensus\n"
        "ISIC_0024307,HAM_1,single image expert consensus\n"
        "ISIC_0024308,HAM_2,histopathology\n"
    )


def _isic_2019(root: Path) -> None:
    _images(
        root, [f"ISIC_2019_Training_Input/ISIC_000000{k}{s}.jpg" for k, s in ((1, ""), (2, "_d"))]
    )
    (root / "ISIC_2019_Training_GroundTruth.csv").write_text(
        "image,MEL,NV,BCC,AK,BKL,DF,VASC,SCC,UNK\n"
        "ISIC_0000001,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,0.0\n"
        "ISIC_0000002_d,1.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0\n"
    )
    (root / "ISIC_2019_Training_Metadata.csv").write_text(
        "image,age_approx,anatom_site_general,lesion_id,sex\n"
        "ISIC_0000001,55.0,anterior torso,,female\n"
        "ISIC_0000002_d,30.0,anterior torso,BCN_7,female\n"
    )


def _scin(root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / "scin_cases.csv").write_text(
        "case_id,source,release,age_group,fitzpatrick_skin_type,image_1_path,image_2_path,"
        "image_3_path,image_1_shot_type\n"
        "-11,SCIN,1.0.0,AGE_40_TO_49,FST2,dataset/images/-101.png,dataset/images/-102.png,,AT_DISTANCE\n"
        "22,SCIN,1.0.0,,NONE_SELECTED,dataset/images/-201.png,,,CLOSE_UP\n"
        "33,SCIN,1.0.0,,FST5,dataset/images/-301.png,,,CLOSE_UP\n"
    )
    (root / "scin_labels.csv").write_text(
        "case_id,weighted_skin_condition_label,dermatologist_fitzpatrick_skin_type_label_1,"
        "dermatologist_fitzpatrick_skin_type_label_2,dermatologist_fitzpatrick_skin_type_label_3,"
        "monk_skin_tone_label_us\n"
        "-11,\"{'Psoriasis': 0.31, 'Eczema': 0.69}\",FST3,FST1,FST4,4\n"
        "22,\"{'Urticaria': 1.0}\",FST5,FST6,,8\n"
        "33,{},,,,\n"
    )
    _images(root, [f"images/-{k}.png" for k in (101, 102, 201, 301)])


def _fitzpatrick17k(root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / "fitzpatrick17k.csv").write_text(
        "md5hash,fitzpatrick_scale,fitzpatrick_centaur,label,nine_partition_label,"
        "three_partition_label,qc,url,url_alphanum\n"
        "5e82,3,3,drug induced pigmentary changes,inflammatory,non-neoplastic,,"
        "https://www.dermaamin.com/site/images/a.jpg,x\n"
        "fa29,-1,-1,photodermatoses,inflammatory,non-neoplastic,1 Diagnostic,"
        "http://atlasdermatologico.com.br/img?imageId=1,y\n"
    )
    _images(root, ["finalfitz17k/5e82.jpg", "finalfitz17k/fa29.jpg"])


def _ddi(root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / "ddi_metadata.csv").write_text(
        ",DDI_ID,DDI_file,skin_tone,malignant,disease\n"
        "0,1,000001.png,56,True,melanoma-in-situ\n"
        "1,2,000002.png,12,False,melanocytic-nevi\n"
    )
    _images(root, ["images/000001.png", "images/000002.png"])


def _medmnist(name: str, labels: int, colours: int) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(labels)
        arrays = {}
        for part, count in (("train", labels), ("val", 2), ("test", 3)):
            shape = (count, 28, 28, 3)[: 3 + (colours == 3)]
            arrays[f"{part}_images"] = random.integers(0, 256, shape, dtype=np.uint8)
            arrays[f"{part}_labels"] = np.arange(count, dtype=np.uint8)[:, None] % labels
        np.savez_compressed(root / name, **arrays)

    return write


# By name of the set: writes it into a folder.
MINIATURES: dict[str, Callable[[Path], None]] = {
    "msld": _msld,
    "msld-v2": _msld_v2,
    "msid": _msid,
    "dermnet": _dermnet,
    "pad-ufes-20": _pad_ufes_20,
    "ham10000": _ham10000,
    "isic": _isic,
    "isic-2017": _isic_2017,
    "isic-2018": _isic_2018,
    "isic-2019": _isic_2019,
    "isic-2020": _isic_2020,
    "scin": _scin,
    "fitzpatrick17k": _fitzpatrick17k,
    "ddi": _ddi,
    "dermamnist": _medmnist("dermamnist_64.npz", 7, 3),
    "medmnist": _medmnist("pneumoniamnist.npz", 2, 1),
}
