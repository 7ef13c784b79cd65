package dev.lockstep.worker.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.plan.ModelSpec;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Against what make-fixtures.py read from torchvision. */
class EfficientNetTest {
    private static final int CLASSES = 35;

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7})
    void shouldHaveTorchvisionsTensorsInItsOrder(int number) throws Exception {
        String name = "efficientnet_b" + number;
        EfficientNet model = create(name, null, null);
        JsonNode expected = fixture().get(name);
        List<String> parameters = lines(model.trainable());
        List<String> buffers = lines(model.runningStatistics());

        assertEquals(expected.get("parameterTensors").asInt(), parameters.size());
        assertEquals(expected.get("parametersSha256").asText(), digest(parameters));
        assertEquals(expected.get("bufferTensors").asInt(), buffers.size());
        assertEquals(expected.get("buffersSha256").asText(), digest(buffers));
        assertEquals(
                expected.get("parameters").asLong(),
                model.trainable().stream()
                        .mapToLong(parameter -> parameter.getShape().size())
                        .sum());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7})
    void shouldHaveTorchvisionsHyperparameters(int number) throws Exception {
        String name = "efficientnet_b" + number;
        EfficientNetVariant variant = EfficientNetVariant.named(name);
        JsonNode expected = fixture().get(name);
        List<InvertedBottleneck> blocks = bottlenecks(create(name, null, null));

        assertEquals(expected.get("dropout").asDouble(), variant.dropout());
        assertEquals(expected.get("batchNormEpsilon").asDouble(), variant.batchNormEpsilon());
        assertEquals(expected.get("batchNormMomentum").asDouble(), variant.batchNormMomentum());
        assertEquals(expected.get("stochasticDepth").size(), blocks.size());
        for (int i = 0; i < blocks.size(); i++) {
            // Null, where there is no residual, reads as 0.
            assertEquals(
                    expected.get("stochasticDepth").get(i).asDouble(),
                    blocks.get(i).depthProbability(),
                    1e-9,
                    "block " + i);
        }
    }

    @Test
    void shouldBeTheSourceDocumentsModel() throws IOException {
        EfficientNet model = create("efficientnet_b3", null, null);

        assertEquals(resourceLines("efficientnet_b3-parameters.txt"), lines(model.trainable()));
        assertEquals(resourceLines("efficientnet_b3-buffers.txt"), lines(model.runningStatistics()));
        assertEquals(340, model.trainable().size());
        assertEquals(26, bottlenecks(model).size());
        assertEquals(
                10_750_027,
                model.trainable().stream()
                        .mapToLong(parameter -> parameter.getShape().size())
                        .sum());
    }

    @Test
    void shouldLeaveOutWhatIsSwitchedOff() {
        EfficientNet noisy = create("efficientnet_b3", null, null);
        EfficientNet quiet = create("efficientnet_b3", 0.0, 0.0);

        assertEquals(1, count(noisy, Dropout.class));
        assertEquals(19, dropping(noisy));
        assertEquals(0, count(quiet, Dropout.class));
        assertEquals(0, dropping(quiet));
    }

    @Test
    void shouldScaleStochasticDepthToTheAskedProbability() {
        List<InvertedBottleneck> blocks = bottlenecks(create("efficientnet_b0", null, 0.8));

        assertEquals(0.8 * 2 / 16, blocks.get(2).depthProbability(), 1e-12);
    }

    @Test
    void shouldTellItsOutputShape() {
        EfficientNet model = create("efficientnet_b3", null, null);

        Shape[] output = model.getOutputShapes(new Shape[] {new Shape(2, 3, 224, 224)});

        assertEquals(new Shape(2, CLASSES), output[0]);
    }

    @Test
    void shouldBeTinyWhenAskedTo() {
        EfficientNet model = create("tiny", null, null);
        long parameters = model.trainable().stream()
                .mapToLong(parameter -> parameter.getShape().size())
                .sum();

        assertTrue(parameters > 2_000 && parameters < 10_000, parameters + " parameters");
        assertTrue(bottlenecks(model).stream().anyMatch(block -> block.depthProbability() > 0));
    }

    @Test
    void shouldHaveAHeadAloneWhenEmpty() {
        EfficientNet model = create("empty", null, null);

        assertEquals(
                List.of("classifier.1.weight " + CLASSES + ",1", "classifier.1.bias " + CLASSES),
                lines(model.trainable()));
        assertEquals(List.of(), model.runningStatistics());
        assertEquals(new Shape(7, CLASSES), model.getOutputShapes(new Shape[] {new Shape(7, 3, 32, 32)})[0]);
    }

    @Test
    void shouldRefuseUnknownNames() {
        LockstepException e = assertThrows(LockstepException.class, () -> create("resnet50", null, null));

        assertEquals(FailureCategory.USAGE, e.failure().category());
        assertTrue(e.getMessage().contains("resnet50") && e.getMessage().contains("efficientnet_b3"), e.getMessage());
    }

    private static EfficientNet create(String name, Double dropout, Double stochasticDepth) {
        return EfficientNet.create(new ModelSpec(name, CLASSES, 224, dropout, stochasticDepth));
    }

    private static List<InvertedBottleneck> bottlenecks(EfficientNet model) {
        return blocks(model, InvertedBottleneck.class);
    }

    private static long dropping(EfficientNet model) {
        return bottlenecks(model).stream()
                .filter(block -> block.depthProbability() > 0)
                .count();
    }

    private static int count(EfficientNet model, Class<? extends Block> type) {
        return blocks(model, type).size();
    }

    private static <T extends Block> List<T> blocks(Block root, Class<T> type) {
        List<T> found = new ArrayList<>();
        for (Block child : root.getChildren().values()) {
            if (type.isInstance(child)) {
                found.add(type.cast(child));
            }
            found.addAll(blocks(child, type));
        }
        return found;
    }

    private static List<String> lines(List<Parameter> tensors) {
        return tensors.stream()
                .map(tensor -> tensor.getName() + " "
                        + Arrays.stream(tensor.getShape().getShape())
                                .mapToObj(Long::toString)
                                .collect(Collectors.joining(",")))
                .toList();
    }

    private static String digest(List<String> lines) throws NoSuchAlgorithmException {
        String text = lines.stream().map(line -> line + "\n").collect(Collectors.joining());
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        return HexFormat.of().formatHex(hash);
    }

    private static JsonNode fixture() throws IOException {
        try (InputStream stream = EfficientNetTest.class.getResourceAsStream("efficientnet.json")) {
            return new ObjectMapper().readTree(stream);
        }
    }

    private static List<String> resourceLines(String resource) throws IOException {
        try (InputStream stream = EfficientNetTest.class.getResourceAsStream(resource)) {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .toList();
        }
    }
}
