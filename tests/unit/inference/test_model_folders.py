from pathlib import Path

import pytest
from tritonclient.grpc.model_config_pb2 import ModelConfig

from services.chassis.errors import Invalid, NotFound
from services.contracts import plant
from services.inference.adapters.model_folders import ModelFolders
from services.inference.adapters.served_config import allowed, parse
from services.inference.adapters.trust import TrustedKeys
from services.inference.domain.models import ModelSpec, Tensor, contract

REPO = Path(__file__).parents[3]
CONFIGS = sorted(REPO.glob("model_repository/*/config.pbtxt")) + sorted(REPO.glob("model_repository/*/configs/*.pbtxt"))
RECIPES = {recipe.model: recipe for recipe in plant.load(REPO / "deploy/plants/demo.yaml").recipes}


def folders(root: Path) -> ModelFolders:
    return ModelFolders(root, TrustedKeys(root / "trust"))


def tensors(described) -> set[Tensor]:
    return {
        Tensor(
            t.name,
            t.DESCRIPTOR.fields_by_name["data_type"].enum_type.values_by_number[t.data_type].name.removeprefix("TYPE_"),
            (-1, *t.dims),
        )
        for t in described
    }


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: str(path.relative_to(REPO / "model_repository")))
def test_every_shipped_configuration_is_what_triton_reads_and_keeps_the_contract(path: Path):
    config: ModelConfig = allowed(path, parse(path))
    model = path.relative_to(REPO / "model_repository").parts[0]
    recipe = RECIPES[model]
    expected = contract(ModelSpec(model, recipe.height_px, recipe.width_px))

    assert config.name in ("", model)
    assert config.max_batch_size > 0, "the contract has a batch dimension"
    assert tensors(config.input) == set(expected.inputs)
    assert tensors(config.output) >= set(expected.outputs)
    assert all(group.count and not group.kind for group in config.instance_group), "counted, and no KIND_*: CPU and GPU"


def test_the_shipped_models_have_a_configuration_each():
    assert {path.parent.name for path in CONFIGS} >= set(RECIPES)


def test_a_missing_model_is_named_with_its_folder_and_what_to_do(tmp_path):
    with pytest.raises(NotFound) as caught:
        folders(tmp_path).check("pcb")

    assert f"no model in {tmp_path}/pcb" in str(caught.value)
    assert f"{tmp_path}/pcb/1/model.onnx" in caught.value.fix


def test_a_mistake_in_a_configuration_is_named_with_line_and_column(tmp_path):
    (tmp_path / "pcb/1").mkdir(parents=True)
    (tmp_path / "pcb/1/model.onnx").write_bytes(b"")
    (tmp_path / "pcb/config.pbtxt").write_text('backend: "onnxruntime"\nmax_batch: 8\n')

    with pytest.raises(Invalid, match=r'config\.pbtxt:2:1 .*no field named "max_batch"'):
        folders(tmp_path).check("pcb")


def test_a_configuration_that_is_no_text_is_a_mistake_like_any_other(tmp_path):
    """It ended the supervision, and with it every model of the plant."""
    (tmp_path / "pcb/1").mkdir(parents=True)
    (tmp_path / "pcb/1/model.onnx").write_bytes(b"")
    (tmp_path / "pcb/config.pbtxt").write_bytes(b"\xff\xfe")

    with pytest.raises(Invalid, match="utf-8"):
        folders(tmp_path).check("pcb")


@pytest.mark.parametrize("name", ["../pcb", "/etc", "", ".", "a/b", "pcb\n", "pcb.12345678"])
def test_a_models_name_is_a_folder_of_the_repository_and_no_way_out(tmp_path, name):
    with pytest.raises(Invalid, match="is no model's name"):
        folders(tmp_path).check(name)
