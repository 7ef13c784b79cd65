package dev.lockstep.common.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PlanTest {
    private static Plan plan(Integer batchPerDevice, Integer globalBatch, DataSpec data) {
        return new Plan(
                List.of(1, 4),
                List.of(Strategy.DATA_PARALLEL),
                List.of(Precision.FP32, Precision.AMP),
                batchPerDevice,
                globalBatch,
                new ModelSpec("tiny", 35, 64, 0.0, null),
                5,
                2,
                new OptimizerSpec(OptimizerKind.SGD, 0.01, 0.9, 1e-4),
                MemoryFormat.CHANNELS_LAST,
                data,
                7);
    }

    @Test
    void shouldMeasureEveryCombinationWithDeviceCountsOutermost() {
        List<MeasurementSpec> measurements =
                plan(16, null, new DataSpec.Synthetic()).measurements();
        assertEquals(
                List.of(
                        "data-parallel-fp32-1x16",
                        "data-parallel-amp-1x16",
                        "data-parallel-fp32-4x16",
                        "data-parallel-amp-4x16"),
                measurements.stream().map(MeasurementSpec::id).toList());
        assertEquals(64, measurements.get(2).globalBatch());
        assertEquals(7, measurements.get(2).totalSteps());
    }

    @Test
    void shouldMeasureOneDeviceOnceWhateverTheStrategies() {
        Plan one = plan(16, null, new DataSpec.Synthetic());
        Plan both = new Plan(
                one.devices(),
                List.of(Strategy.ALL_REDUCE, Strategy.DATA_PARALLEL),
                List.of(Precision.FP32),
                16,
                null,
                one.model(),
                one.steps(),
                one.warmup(),
                one.optimizer(),
                one.memoryFormat(),
                one.data(),
                one.seed());
        assertEquals(
                List.of("all-reduce-fp32-1x16", "all-reduce-fp32-4x16", "data-parallel-fp32-4x16"),
                both.measurements().stream().map(MeasurementSpec::id).toList());
    }

    @Test
    void shouldSplitAGlobalBatchOverTheDevices() {
        MeasurementSpec onFour =
                plan(null, 10, new DataSpec.Synthetic()).measurements().get(2);
        assertEquals(List.of(3, 3, 3, 1), onFour.chunks());
        assertEquals(3, onFour.batchPerDevice());
        assertEquals(10, onFour.globalBatch());
    }

    @Test
    void shouldRefuseBothBatchesAndNone() {
        assertThrows(IllegalArgumentException.class, () -> plan(1, 1, new DataSpec.Synthetic()));
        assertThrows(IllegalArgumentException.class, () -> plan(null, null, new DataSpec.Synthetic()));
    }

    private static Plan batches(List<Integer> batchPerDevice, List<Integer> globalBatch) {
        Plan one = plan(1, null, new DataSpec.Synthetic());
        return new Plan(
                one.devices(),
                one.strategies(),
                List.of(Precision.FP32),
                batchPerDevice,
                globalBatch,
                one.model(),
                one.steps(),
                one.warmup(),
                one.optimizer(),
                one.memoryFormat(),
                one.data(),
                one.seed(),
                batchPerDevice == null && globalBatch == null,
                3,
                OnOutOfMemory.HALVE,
                9,
                false);
    }

    @Test
    void shouldKeepTheLimitOfTheWarmUpInWhateverIsMadeOfAMeasurement() {
        MeasurementSpec spec = batches(null, List.of(8, 9)).measurements().get(0);
        assertEquals(9, spec.warmupLimit());
        assertEquals(9, spec.halved().orElseThrow().withSteps(50).named("other").warmupLimit());
    }

    private static List<String> ids(List<MeasurementSpec> measurements) {
        return measurements.stream().map(MeasurementSpec::id).toList();
    }

    @Test
    void shouldMeasureEveryBatchPerDevice() {
        Plan plan = batches(List.of(8, 16), null);
        assertEquals(Scaling.WEAK, plan.scaling());
        assertEquals(
                List.of(
                        "data-parallel-fp32-1x8",
                        "data-parallel-fp32-1x16",
                        "data-parallel-fp32-4x8",
                        "data-parallel-fp32-4x16"),
                ids(plan.measurements()));
        assertEquals(64, plan.measurements().get(3).globalBatch());
    }

    @Test
    void shouldTellSeveralGlobalBatchesApart() {
        Plan plan = batches(null, List.of(5, 6));
        assertEquals(Scaling.STRONG, plan.scaling());
        assertEquals(
                List.of(
                        "data-parallel-fp32-1x5-of-5",
                        "data-parallel-fp32-1x6-of-6",
                        "data-parallel-fp32-4x2-of-5",
                        "data-parallel-fp32-4x2-of-6"),
                ids(plan.measurements()));
        assertEquals(List.of(2, 2, 1), plan.measurements().get(2).chunks());
    }

    @Test
    void shouldLeaveTheLargestBatchToBeFound() {
        Plan plan = batches(null, null);
        assertThrows(IllegalStateException.class, plan::measurements);
        assertEquals(
                List.of("data-parallel-fp32-1x24", "data-parallel-fp32-4x24"),
                ids(plan.measurements(Map.of(Precision.FP32, 24))));
    }

    @Test
    void shouldSpellOneBatchAsANumberAndSeveralAsAList() throws JsonProcessingException {
        ObjectMapper mapper = new ObjectMapper();
        JsonNode one = mapper.valueToTree(plan(16, null, new DataSpec.Synthetic()));
        assertEquals("16", one.get("batchPerDevice").toString());
        assertTrue(one.get("globalBatch").isNull());
        for (Plan plan : List.of(batches(List.of(8, 16), null), batches(null, List.of(8, 16)), batches(null, null))) {
            assertEquals(plan, mapper.readValue(mapper.writeValueAsString(plan), Plan.class));
        }
        assertEquals(
                "[8,16]",
                mapper.valueToTree(batches(null, List.of(8, 16)))
                        .get("globalBatch")
                        .toString());
    }

    @Test
    void shouldReadPlansFromBeforeThereWereRounds() throws JsonProcessingException {
        ObjectMapper mapper = new ObjectMapper();
        Plan plan = plan(16, null, new DataSpec.Synthetic());
        ObjectNode old = mapper.valueToTree(plan);
        old.remove(List.of("rounds", "largestBatch", "onOutOfMemory"));
        assertEquals(plan, mapper.treeToValue(old, Plan.class));
    }

    @Test
    void shouldSurviveJson() throws JsonProcessingException {
        ObjectMapper mapper = new ObjectMapper();
        Plan plan = plan(16, null, new DataSpec.ImageFolder(Path.of("/data/a,b")));
        String json = mapper.writeValueAsString(plan);
        assertEquals(plan, mapper.readValue(json, Plan.class));
        assertEquals("imagefolder:/data/a,b", mapper.readTree(json).get("data").asText());
        assertEquals("amp", mapper.readTree(json).get("precisions").get(1).asText());
    }

    @Test
    void shouldReadAPlanFromBeforeWarmUpsHadALimit() throws JsonProcessingException {
        ObjectMapper mapper = new ObjectMapper();
        Plan plan = plan(16, null, new DataSpec.Synthetic());
        ObjectNode json = mapper.valueToTree(plan);
        assertEquals(2, json.remove("warmupLimit").asInt());
        assertEquals(plan, mapper.treeToValue(json, Plan.class));
        assertEquals(2, plan.measurements().get(0).warmupLimit());
    }

    @Test
    void shouldRefuseUnknownData() {
        assertThrows(IllegalArgumentException.class, () -> DataSpec.parse("imagefolder:"));
        assertThrows(IllegalArgumentException.class, () -> DataSpec.parse("tensors:"));
        assertThrows(IllegalArgumentException.class, () -> DataSpec.parse("cifar"));
    }

    @Test
    void shouldReadWhatItSpells() {
        DataSpec tensors = new DataSpec.Tensors(Path.of("/data/b.safetensors"));
        assertEquals("tensors:/data/b.safetensors", tensors.spelling());
        assertEquals(tensors, DataSpec.parse(tensors.spelling()));
    }
}
