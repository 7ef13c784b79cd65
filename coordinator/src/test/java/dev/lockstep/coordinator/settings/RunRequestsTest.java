package dev.lockstep.coordinator.settings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.plan.DataSpec;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.plan.OnOutOfMemory;
import dev.lockstep.common.plan.OptimizerKind;
import dev.lockstep.common.plan.OptimizerSpec;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.work.StateFiles;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RunRequestsTest {
    private static RunRequest read(String options) {
        return RunRequests.read(ConfigFactory.parseString(options), 2, true);
    }

    @Test
    void shouldDefaultToTheSourceDocumentsStudy() {
        Plan plan = RunRequests.read(ConfigFactory.empty(), 8, false).plan();
        Plan expected = new Plan(
                List.of(1, 2, 4),
                List.of(Strategy.DATA_PARALLEL),
                List.of(Precision.FP32, Precision.AMP),
                List.of(32),
                null,
                new ModelSpec("efficientnet_b3", 35, 224, null, null),
                50,
                10,
                new OptimizerSpec(OptimizerKind.SGD, 0.01, 0.9, 1e-4),
                MemoryFormat.CHANNELS_LAST,
                new DataSpec.Synthetic(),
                0,
                false,
                1,
                OnOutOfMemory.FAIL,
                50,
                true);
        assertEquals(expected, plan);
    }

    @Test
    void shouldMakeDefaultsSmallerOnCpuAndSaySo() {
        RunRequest request = read("");
        assertEquals(List.of(1, 2), request.plan().devices());
        assertEquals(List.of(16), request.plan().batchPerDevice());
        assertEquals(1, request.notes().size());
        assertTrue(request.notes().get(0).contains("batch-per-device 16 instead of 32"), request.notes()::toString);
    }

    @Test
    void shouldNotRecordStepsOnCpuNorPretendTo() {
        assertFalse(read("").plan().cudaGraphs());
        LockstepException refused = assertThrows(LockstepException.class, () -> read("cuda-graphs = true"));
        assertEquals("--cuda-graphs is for GPUs, and the cluster's devices are CPU devices", refused.getMessage());
    }

    @Test
    void shouldReadARunForAnyClusterWithWhatIsForGpusAlone() {
        assertEquals(List.of(1, 64), readForAnyCluster("devices = [1, 64]").devices());
        assertTrue(readForAnyCluster("cuda-graphs = true").cudaGraphs());
        // Enough for the warm-up of CPU devices.
        assertEquals(5, readForAnyCluster("warmup-limit = 5").warmupLimit());
    }

    private static Plan readForAnyCluster(String options) {
        return RunRequests.readForAnyCluster(ConfigFactory.parseString(options)).plan();
    }

    @Test
    void shouldNotExplainDefaultsThatWereNotUsed() {
        assertTrue(read("global-batch = 8, steps = 1, warmup = 0").notes().isEmpty());
    }

    @Test
    void shouldReadEveryOption() {
        // A run whose state is written is one measurement, so that there is one round of it.
        Config all = ConfigFactory.parseString(
                """
                devices = "2", strategy = [all-reduce], precision = amp-bf16, global-batch = [10], image-size = 96
                classes = 7, model = tiny, steps = 3, warmup = 0, warmup-limit = 4, rounds = 1, optimizer = sgd, learning-rate = 0.5, momentum = 0.1
                weight-decay = 0.25, dropout = 0, stochastic-depth = 0.5, memory-format = contiguous
                nesterov = true, data = "imagefolder:/photos, mine", seed = -3, output = /tmp/out
                weights = /w.safetensors, save-weights = /s.safetensors, trace = /t.safetensors, note = "so, so"
                on-out-of-memory = halve, cuda-graphs = true
                """);
        assertEquals(RunSetting.values().length - 1, all.root().size(), "all but batch-per-device");
        RunRequest request = RunRequests.read(all, 2, false);
        Plan expected = new Plan(
                List.of(2),
                List.of(Strategy.ALL_REDUCE),
                List.of(Precision.AMP_BF16),
                null,
                List.of(10),
                new ModelSpec("tiny", 7, 96, 0.0, 0.5),
                3,
                0,
                new OptimizerSpec(OptimizerKind.SGD, 0.5, 0.1, 0.25, true),
                MemoryFormat.CONTIGUOUS,
                new DataSpec.ImageFolder(Path.of("/photos, mine")),
                -3,
                false,
                1,
                OnOutOfMemory.HALVE,
                4,
                true);
        assertEquals(expected, request.plan());
        assertEquals(Path.of("/tmp/out"), request.output());
        assertEquals(new StateFiles("/w.safetensors", "/s.safetensors", "/t.safetensors"), request.files());
        assertEquals("so, so", request.notes().get(0));
        assertTrue(request.notes().get(1).contains("/w.safetensors"), request.notes()::toString);
        assertEquals(RunSetting.values().length - 1, request.configuration().size());
    }

    @Test
    void shouldReadSeveralBatches() {
        Plan weak = read("batch-per-device = \"8, 16\", rounds = 3").plan();
        assertEquals(List.of(8, 16), weak.batchPerDevice());
        assertNull(weak.globalBatch());
        assertEquals(3, weak.rounds());
        Plan strong = read("global-batch = [16, 32]").plan();
        assertEquals(List.of(16, 32), strong.globalBatch());
        assertNull(strong.batchPerDevice());
    }

    @Test
    void shouldReadTheLargestBatch() {
        RunRequest request = read("batch-per-device = max, steps = 1, warmup = 0");
        assertTrue(request.plan().largestBatch());
        assertNull(request.plan().batchPerDevice());
        assertTrue(
                request.configuration().stream().anyMatch(line -> line.matches("batch-per-device +max")),
                request.configuration()::toString);
        assertTrue(request.notes().isEmpty(), request.notes()::toString);
    }

    @Test
    void shouldLeaveFilesAndTheReportsPlaceOpen() {
        assertNull(read("").output());
        assertEquals(StateFiles.NONE, read("").files());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "                                                                      | 3  | 15",
                "warmup = 5                                                            | 5  | 15",
                "warmup = 20                                                           | 20 | 20",
                "warmup = 0                                                            | 0  | 0",
                "warmup = 0, warmup-limit = 10                                         | 0  | 10",
                "devices = 1, precision = fp32, save-weights = w                       | 3  | 3",
                "devices = 1, precision = fp32, trace = t                              | 3  | 3",
                "devices = 1, precision = fp32, save-weights = w, warmup-limit = 9     | 3  | 9"
            })
    void shouldLetTheWarmUpGoOnWhereNothingElseDependsOnItsLength(String options, int least, int limit) {
        RunRequest request = read(options == null ? "" : options);
        assertEquals(least, request.plan().warmup());
        assertEquals(limit, request.plan().warmupLimit());
        assertTrue(
                request.configuration().stream().anyMatch(line -> line.matches("warmup-limit +" + limit + "\\b.*")),
                request.configuration()::toString);
    }

    @Test
    void shouldSayThatOneDeviceIsMeasuredOnce() {
        RunRequest request = read("strategy = [all-reduce, data-parallel], precision = fp32");
        assertEquals(3, request.plan().measurements().size());
        assertTrue(request.notes().get(0).endsWith("measured once, as all-reduce."), request.notes()::toString);
    }

    @ParameterizedTest
    @ValueSource(strings = {"adam", "adamw"})
    void shouldReadOptimizersWithoutMomentum(String optimizer) {
        OptimizerSpec read =
                read("momentum = 0, optimizer = " + optimizer).plan().optimizer();
        assertEquals(optimizer, read.kind().label());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "batch-per-device = 0                       | --batch-per-device is 0: it must be at least 1",
                "global-batch = 0                           | --global-batch is 0: it must be at least 1",
                "global-batch = '8,0'                       | --global-batch is 0: it must be at least 1",
                "batch-per-device = '8,8'                   | --batch-per-device names something twice",
                "batch-per-device = 2000000                 | --batch-per-device is 2000000: it must be at most 1048576",
                "batch-per-device = '8,max'                 | --batch-per-device max stands alone",
                "global-batch = max                         | --global-batch is 'max': it must be a whole number",
                "batch-per-device = max, data = 'tensors:/t' | --batch-per-device max needs batches of any size",
                "batch-per-device = max, trace = /t         | --trace needs a plan of one measurement, and --batch-per-device max",
                "rounds = 0                                 | --rounds is 0: it must be at least 1",
                "devices = 1, precision = fp32, rounds = 2, trace = /t | --trace needs a plan of one measurement, and this one has 2",
                "on-out-of-memory = retry                   | unknown on-out-of-memory 'retry': it is one of fail, halve",
                "global-batch = 8, batch-per-device = 8     | exclude each other",
                "precision = fp8                            | unknown precision 'fp8': it is one of fp32, fp32-strict",
                "precision = 'fp32,amp,fp32'                | --precision names fp32 twice",
                "strategy = ring                            | unknown strategy 'ring': it is one of data-parallel, all-reduce",
                "optimizer = lamb                           | unknown optimizer 'lamb': it is one of sgd, adam, adamw",
                "nesterov = perhaps                         | --nesterov is 'perhaps': it must be true or false",
                "nesterov = true, optimizer = adam          | --nesterov is for sgd with a momentum above 0",
                "nesterov = true, momentum = 0              | --nesterov is for sgd with a momentum above 0",
                "save-weights = /w                          | --save-weights needs a plan of one measurement",
                "trace = /t                                 | --trace needs a plan of one measurement",
                "model = resnet50                           | unknown model 'resnet50'",
                "image-size = 16                            | at least 32",
                "classes = 1                                | at least 2",
                "steps = 0                                  | at least 1",
                "steps = many                               | --steps is 'many': it must be a whole number",
                "warmup = -1                                | at least 0",
                "warmup = 5, warmup-limit = 4               | at least --warmup, which is 5",
                "warmup-limit = 2                           | at least --warmup, which is 3",
                "momentum = 1                               | --momentum is 1.0: it must be at least 0.0 and below 1.0",
                "learning-rate = -1                         | at least 0.0",
                "learning-rate = NaN                        | at least 0.0",
                "devices = '1,1'                            | names something twice",
                "devices = '1,'                             | needs a value",
                "data = cifar                               | none of synthetic, imagefolder:DIR and tensors:FILE",
                "colour = red                               | unknown option 'colour'",
            })
    void shouldRefuseWithOneClearLine(String options, String message) {
        LockstepException refusal = assertThrows(LockstepException.class, () -> read(options.replace('\'', '"')));
        assertEquals(FailureCategory.USAGE, refusal.failure().category());
        assertTrue(refusal.getMessage().contains(message), refusal.getMessage());
        assertEquals(1, refusal.getMessage().lines().count());
    }

    @Test
    void shouldRefuseDevicesThatTheClusterLacks() {
        LockstepException refusal = assertThrows(LockstepException.class, () -> read("devices = [1, 3]"));
        assertEquals(FailureCategory.ENVIRONMENT, refusal.failure().category());
        assertEquals(
                "--devices asks for 3, but the cluster has 2: start it with more, or ask for fewer",
                refusal.getMessage());
    }
}
