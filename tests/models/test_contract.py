"""The contract of models, tested for all registered ones: their tiny variant, for each of their tasks."""

from __future__ import annotations

import functools
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo import registry
from zoo.tasks import find_task

NAMES = [name for name in registry.list_models() if "/" not in name]
CASES = [(name, task) for name in NAMES for task in registry.find_model(name)[0].tasks]
TEXT_MODELS = [name for name in NAMES if "text" in registry.find_model(name)[0].tags]
IMAGE_MODELS = registry.list_models("*/tiny", task="image_classification")
each_case = pytest.mark.parametrize(("name", "task"), CASES, ids=["-".join(case) for case in CASES])
each_model = pytest.mark.parametrize("name", NAMES)


def arguments_of(name, task, **changes):
    """Return the arguments of a tiny model for this task."""
    entry, variant = registry.find_model(f"{name}/tiny")
    width = {find_task(task).output_argument: 3}
    given = entry.arguments(variant, {**width, **changes})
    is_image = find_task(task).input == "image"
    if is_image and len(given.get("input_shape", ())) != 3:
        given["input_shape"] = (8, 8, 1)
    return given


def tiny(name, task, *, seed=0, **changes):
    keras.utils.set_random_seed(seed)
    model = registry.find_model(name)[0].factory(**arguments_of(name, task, **changes))
    if changes.get("pair_buckets"):  # they are initialised to 0
        pairs = model.get_layer("embed").pairs.embeddings
        pairs.assign(np.random.default_rng(seed).normal(size=pairs.shape))
    return model


@functools.cache
def shared(name, task, **changes):
    """Return a tiny model for tests that do not change it, since building takes longer than predicting."""
    return tiny(name, task, **changes)


def compiled(name, task, learning_rate=None, **changes):
    keras.utils.set_random_seed(0)
    return zoo.build(name, task=task, learning_rate=learning_rate, **arguments_of(name, task, **changes))


def texts(vocabulary_size, count=6, time=12):
    """Return ids of known tokens, padded at the end: the rows get shorter, and the last is as long as the first."""
    ids = np.random.default_rng(0).integers(2, vocabulary_size, (count, time), dtype="int32")
    lengths = time - np.arange(count) % (time // 2)
    return np.where(np.arange(time) < lengths[:, np.newaxis], ids, 0)


def rows_for(model, count=6):
    if model.inputs[0].name == "token_ids":
        return texts(model.get_layer("embed").input_dim, count)
    return np.random.default_rng(0).normal(size=(count, *model.input_shape[1:])).astype("float32")


def targets_for(task, count=6):
    generator = np.random.default_rng(1)
    is_classifier = find_task(task).output_argument == "num_classes"
    return np.arange(count) % 3 if is_classifier else generator.normal(size=(count, 3)).astype("float32")


def kernels_of(model):
    return [weight.numpy() for weight in model.trainable_weights if weight.path.endswith("kernel")]


@pytest.fixture
def bfloat16():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(before)


@each_model
def test_there_is_a_tiny_variant_of_at_most_2000_parameters(name):
    assert zoo.info(f"{name}/tiny").parameters <= 2000


@each_case
def test_factory_returns_an_uncompiled_sequential_or_functional_model_named_after_it(name, task):
    model = shared(name, task)
    kinds = {"sequential": keras.Sequential, "functional": type(keras.Model(*[keras.Input((1,))] * 2))}
    (tag,) = kinds.keys() & set(registry.find_model(name)[0].tags)
    assert type(model) is kinds[tag]
    assert model.name == name
    assert not model.compiled


@each_case
def test_output_is_one_finite_float32_row_for_each_example(name, task):
    model = shared(name, task)
    output = model(rows_for(model, 5), training=False)
    assert output.dtype == tf.float32
    assert output.shape == (5, 3)
    assert model.output_shape == (None, 3)
    assert np.isfinite(output).all()


@each_case
def test_bfloat16_computes_in_bfloat16_and_still_gives_float32(name, task, bfloat16):
    model = tiny(name, task)
    computed_in = {layer.compute_dtype for layer in model.layers if layer.count_params()}
    assert "bfloat16" in computed_in or name == "linear"  # its only weights are those of the logits
    output = model(rows_for(model), training=False)
    assert output.dtype == tf.float32
    assert np.isfinite(output).all()
    assert all(weight.dtype == "float32" for weight in model.weights)


@each_case
def test_output_is_logits_and_not_probabilities(name, task):
    model = shared(name, task)
    output = model(rows_for(model), training=False).numpy()
    assert output.min() < 0


@each_case
def test_each_row_is_independent_of_its_neighbours(name, task):
    model = shared(name, task)
    rows = rows_for(model)
    some = range(0, len(rows), 2)
    alone = np.concatenate([model(rows[[row]], training=False) for row in some])
    assert np.allclose(
        np.asarray(model(rows, training=False))[some], alone, rtol=0, atol=1e-5
    )  # float32, another order of sums


@each_case
def test_gradients_reach_every_trainable_weight(name, task):
    model = shared(name, task)
    with tf.GradientTape() as tape:
        loss = find_task(task).loss()(targets_for(task), model(rows_for(model), training=True))
    gradients = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
    still = [
        weight.path
        for weight, grad in zip(model.trainable_weights, gradients, strict=True)
        if grad is None or not np.any(tf.convert_to_tensor(grad))
    ]
    assert still == []


@pytest.mark.slow
@each_case
def test_one_batch_can_be_memorised(name, task):
    wide_enough = {"input_shape": (8,)} if find_task(task).input == "table" else {}  # 4 rows are then separable
    model = compiled(name, task, dropout=0.0, learning_rate=0.02, **wide_enough)
    rows, targets = rows_for(model, 4), targets_for(task, 4)

    def loss():
        return float(model.loss(targets, model(rows, training=True)))

    before = loss()
    model.fit(tf.data.Dataset.from_tensors((rows, targets)).repeat(200), verbose=0)  # 200 steps
    assert loss() < 0.1 * before


@each_case
def test_same_seed_gives_the_same_weights_and_another_seed_others(name, task):
    first, same, other = (tiny(name, task, seed=seed).get_weights() for seed in (4, 4, 5))
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@each_case
def test_saved_model_loads_with_the_same_output(name, task, tmp_path):
    model = shared(name, task)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again) is type(model)
    assert np.array_equal(model(rows_for(model), training=False), again(rows_for(model), training=False))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "task"), [("cnn", "image_classification"), ("mlp", "regression")])
def test_saved_model_keeps_loss_metrics_and_optimizer(name, task, tmp_path):
    model = compiled(name, task, learning_rate=0.01, dropout=0.0)  # Keras saves no random state
    rows, targets = rows_for(model), targets_for(task)
    model.fit(rows, targets, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert model.evaluate(rows, targets, verbose=0) == again.evaluate(rows, targets, verbose=0)
    for one in (model, again):
        one.train_on_batch(rows, targets)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), again.get_weights(), strict=True))


@pytest.mark.slow
def test_every_saved_model_loads_in_a_fresh_process_that_only_imports_zoo(tmp_path):
    expected = {}
    for name, task in CASES:
        model = compiled(name, task)
        expected[f"{name}-{task}"] = model.predict(rows_for(model), verbose=0)
        model.save(tmp_path / f"{name}-{task}.keras")
        np.save(tmp_path / f"{name}-{task}.npy", rows_for(model))
    code = (
        "import pathlib, zoo, keras, numpy as np\n"
        "for path in pathlib.Path().glob('*.keras'):\n"
        "    model = keras.saving.load_model(path)\n"
        "    np.save(path.with_suffix('.out.npy'), model.predict(np.load(path.with_suffix('.npy')), verbose=0))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for case, output in expected.items():
        assert np.allclose(np.load(tmp_path / f"{case}.out.npy"), output, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "task", "l1", "l2"),
    [(*case, 0.01, 0.1) for case in CASES] + [(*CASES[0], *weights) for weights in ((0.01, 0.0), (0.0, 0.1))],
)
def test_penalty_is_the_sum_over_all_kernels(name, task, l1, l2):
    model = tiny(name, task, l1=l1, l2=l2)
    model(rows_for(model))
    expected = sum(l1 * np.abs(kernel).sum() + l2 * np.square(kernel).sum() for kernel in kernels_of(model))
    assert len(kernels_of(model)) == len(model.losses)
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-5)


@each_case
def test_there_is_no_penalty_by_default(name, task):
    assert shared(name, task).losses == []


@pytest.mark.parametrize(("name", "task"), [("cnn", "image_classification"), ("mlp", "regression")])
def test_penalty_is_part_of_the_compiled_loss(name, task):
    plain, penalised = compiled(name, task), compiled(name, task, l2=0.1)
    rows, targets = rows_for(plain), targets_for(task)
    losses = [float(model.compute_loss(rows, targets, model(rows))) for model in (penalised, plain)]
    difference = losses[0] - losses[1]
    assert difference == pytest.approx(0.1 * sum(np.square(kernel).sum() for kernel in kernels_of(plain)), rel=1e-4)


@each_case
def test_dropout_changes_the_output_in_training_only(name, task):
    model = tiny(name, task, dropout=0.5)
    rows = rows_for(model, 64)
    assert not np.array_equal(model(rows, training=True), model(rows, training=True))
    assert np.array_equal(model(rows, training=False), model(rows, training=False))
    without = tiny(name, task, dropout=0.0)
    assert np.array_equal(without(rows, training=True), without(rows, training=True))


@pytest.mark.parametrize("name", IMAGE_MODELS)
@pytest.mark.parametrize(
    ("shape", "num_classes"),
    [
        ((1, 1, 1), 2), ((2, 3, 1), 11), ((8, 8, 1), 11), ((9, 9, 3), 2), ((28, 28, 1), 2), ((32, 32, 3), 11), ((37, 50, 3), 2),
        ((100, 3, 4), 11),
    ],
)  # fmt: skip
def test_image_of_any_size_and_any_number_of_classes_fit(name, shape, num_classes):
    model = zoo.build(name, input_shape=shape, num_classes=num_classes)
    output = model(np.random.default_rng(0).integers(0, 256, (2, *shape), dtype="uint8"), training=False)
    assert output.shape == (2, num_classes)
    assert np.isfinite(output).all()


@pytest.mark.parametrize("name", registry.list_models("*/tiny", tags="table"))
@pytest.mark.parametrize("columns", [1, 500])
@pytest.mark.parametrize("width", [{"num_classes": 2}, {"num_outputs": 7}])
def test_table_of_any_width_fits(name, columns, width):
    model = zoo.build(name, input_shape=(columns,), **width)
    assert model(np.ones((2, columns), "float32")).shape == (2, *width.values())


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name.startswith("linear") else [pytest.mark.slow]) for name in IMAGE_MODELS]
)
def test_images_without_a_channel_axis_fit_a_one_channel_model(name):
    model = zoo.build(name, input_shape=(28, 28, 1), num_classes=10)
    images = np.random.default_rng(0).integers(0, 256, (8, 28, 28), dtype="uint8")
    data = tf.data.Dataset.from_tensor_slices((images, np.arange(8))).batch(8)
    model.fit(images, np.arange(8), epochs=1, verbose=0)
    assert model.evaluate(data, verbose=0) == model.evaluate(images, np.arange(8), verbose=0)
    with_axis = model(images[..., np.newaxis], training=False)
    assert np.array_equal(model(images, training=False), with_axis)
    assert np.allclose(model.predict(images, verbose=0), with_axis, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", IMAGE_MODELS)
def test_uint8_and_float_images_in_both_ranges_give_the_same_prediction(name):
    model = zoo.build(name, input_shape=(12, 12, 3), num_classes=3)
    images = np.random.default_rng(0).integers(0, 256, (4, 12, 12, 3), dtype="uint8")
    expected = model(images, training=False)
    for other in (images.astype("float32"), (images / 255).astype("float32"), images / 255, images.astype("int64")):
        assert np.allclose(model(other, training=False), expected, rtol=0, atol=1e-4)
        if name.startswith("linear"):  # `predict` traces the model again for each dtype
            assert np.allclose(model.predict(other, verbose=0), expected, rtol=0, atol=1e-4)


RECURRENT_OPTIONS = [
    {},
    {"pooling": "mean", "filters": 4},
    {"pooling": "last"},
    {"pooling": "last", "filters": 4, "pool_size": 1, "bidirectional": True},
    {"pooling": "mean", "bidirectional": True},
    {"pooling": "max", "filters": 4, "pool_size": 3, "bidirectional": True, "num_layers": 2},
]
ATTENTION_OPTIONS = [
    {"positions": positions, "normalization": normalization, "pooling": pooling, "num_layers": 2}
    for positions in ("learned", "sinusoidal")
    for normalization in ("pre", "post")
    for pooling in ("max", "mean")
] + [{"pool_size": 3}, {"pool_size": 4, "positions": "sinusoidal", "pooling": "mean"}]
OPTIONS_OF = {  # the recurrent models differ only in their cell
    "transformer": ATTENTION_OPTIONS,
    "lstm": RECURRENT_OPTIONS,
    "gru": RECURRENT_OPTIONS[3:4],
    "rnn": RECURRENT_OPTIONS[3:4],
}
TEXT_CASES = [(name, options) for name in TEXT_MODELS for options in (*OPTIONS_OF[name], {"pair_buckets": 50})]
each_text_case = pytest.mark.parametrize(("name", "options"), TEXT_CASES, ids=str)


@each_text_case
def test_padding_before_or_after_a_text_changes_no_logit(name, options):
    model = shared(name, "text_classification", **options)
    rows = rows_for(model)
    rows[0] = 0  # an empty text
    expected = model(rows, training=False).numpy()
    assert np.isfinite(expected).all()
    for before, behind in ((0, 30), (30, 0), (1, 2)):
        padded = np.pad(rows, ((0, 0), (before, behind)))
        assert np.allclose(model(padded, training=False), expected, rtol=0, atol=1e-5)  # float32, another order of sums


@each_text_case
def test_gradients_are_finite_even_with_empty_texts(name, options):
    model = shared(name, "text_classification", **options)
    rows = rows_for(model)
    rows[:3] = 0
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(model(rows, training=True)))
    for gradient in tape.gradient(loss, [weight.value for weight in model.trainable_weights]):
        assert np.isfinite(tf.convert_to_tensor(gradient)).all()


@pytest.mark.parametrize("name", TEXT_MODELS)
def test_batch_of_any_size_fits_in_a_graph(name):
    """A strategy passes an empty batch to a replica if the last batch is short; a single empty text has no columns."""
    model = shared(name, "text_classification")
    call = tf.function(lambda ids: model(ids, training=True), input_signature=[tf.TensorSpec((None, None), tf.int32)])
    for shape in ((0, 5), (2, 0), (2, 1), (1, 37)):
        output = call(tf.ones(shape, tf.int32))
        assert output.shape == (shape[0], 3)
        assert np.isfinite(output).all()


@pytest.mark.parametrize("name", TEXT_MODELS)
def test_whole_tokens_are_dropped_in_training(name):
    model = tiny(name, "text_classification", dropout=0.0, token_dropout=0.5)
    rows = rows_for(model, 64)
    drop = model.get_layer("drop_tokens")
    dropped = drop(tf.ones((8, 9, 4)), training=True).numpy()
    assert {0.0, 2.0} == set(dropped.ravel())
    assert (dropped == dropped[:, :, :1]).all()
    assert not np.array_equal(model(rows, training=True), model(rows, training=True))
    assert np.array_equal(model(rows, training=False), model(rows, training=False))


@pytest.mark.parametrize("name", TEXT_MODELS)
def test_ids_of_any_whole_dtype_give_the_same_logits(name):
    model = shared(name, "text_classification")
    rows = rows_for(model)
    expected = model(rows, training=False).numpy()
    for dtype in ("int64", "uint8", "float32"):
        assert np.array_equal(model(rows.astype(dtype), training=False), expected)


@each_model
def test_every_argument_is_documented_and_nothing_else(name):
    entry, _ = registry.find_model(name)
    args = re.search(r"\n *Args:\n(.*?)\n\n", entry.factory.__doc__, re.DOTALL)[1]
    indent = re.match(r" *", args)[0]
    assert re.findall(rf"^{indent}(\w+):", args, re.MULTILINE) == list(entry.defaults)


@each_model
def test_docstring_has_the_parts_of_the_style_in_order(name):
    documentation = registry.find_model(name)[0].factory.__doc__
    places = [documentation.find(f"    {part}:\n") for part in ("Args", "Input shape", "Output shape", "Returns", "References")]
    assert -1 not in places
    assert places == sorted(places)


@each_model
def test_every_variant_is_accepted_by_build_and_every_argument_has_a_type(name):
    from zoo.settings import check_values

    entry, _ = registry.find_model(name)
    assert entry.annotations.keys() == entry.defaults.keys()
    for arguments in (entry.defaults, *entry.variants.values()):
        assert check_values(entry, arguments) == dict(arguments)
