package dev.lockstep.coordinator.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.plan.DataSpec;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.plan.OptimizerKind;
import dev.lockstep.common.plan.OptimizerSpec;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.report.Peer;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.ResultStatus;
import dev.lockstep.common.tensor.NamedTensor;
import dev.lockstep.common.tensor.SafetensorsWriter;
import dev.lockstep.coordinator.peers.PeerOutcome.Measured;
import dev.lockstep.coordinator.report.RunReports;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** PyTorch itself, where a Python has it: EfficientNet-B3 on two small images, a step to warm up and two to time. */
class RealPytorchTest {
    private static final Path HOME = Path.of("").toAbsolutePath().getParent();
    private static final int IMAGES = 2;
    private static final int SIZE = 64;
    private static final int STEPS = 2;

    private static final PeerProgram PROGRAM = new PeerProgram(HOME, () -> false);
    private static Python python;

    @TempDir
    Path folder;

    @BeforeAll
    static void findPython() {
        try {
            python = PythonSearch.find(null, PROGRAM::probe);
        } catch (LockstepException e) {
            abort(e.getMessage());
        }
    }

    private static Plan plan(int devices, Precision precision, DataSpec data) {
        return new Plan(
                List.of(devices),
                List.of(Strategy.ALL_REDUCE),
                List.of(precision),
                null,
                IMAGES,
                new ModelSpec("efficientnet_b3", 35, SIZE, 0.0, 0.0),
                STEPS,
                1,
                new OptimizerSpec(OptimizerKind.SGD, 0.01, 0.9, 1e-4),
                MemoryFormat.CHANNELS_LAST,
                data,
                7);
    }

    /** Through Lockstep's own side: a plan's contest, its specification, the process, and the row of the report. */
    private Peer measure(Plan plan) {
        Comparison comparison = new Comparison(
                Contest.of(plan, false, Specs.MEMORY_FORMATS),
                1,
                (spec, round) -> lockstep(RunReports.ok(spec, 100, 120)),
                (task, round) -> assertInstanceOf(
                        Measured.class,
                        PROGRAM.measure(
                                python,
                                PeerSpec.of(task, plan, List.of(place(0), place(1)), null),
                                folder.resolve(plan.precisions() + "-" + plan.devices()),
                                task.id())));
        comparison.run(() -> {});
        List<Peer> peers = comparison.peers(python);
        assertEquals(1, peers.size());
        Peer peer = peers.get(0);
        assertEquals(ResultStatus.OK, peer.status(), () -> String.valueOf(peer.error()));
        return peer;
    }

    private static Report lockstep(Report report) {
        assertEquals(RunReports.PARAMETERS, report.model().parameters());
        return report;
    }

    /** Not pinned: this machine's processors are not the test's to choose. */
    private static PeerDevice place(int rank) {
        return new PeerDevice("cpu:" + rank, null);
    }

    private DataSpec batch(float brightness) {
        Path file = folder.resolve("batch-" + brightness + ".safetensors");
        float[] pixels = new float[IMAGES * ModelSpec.CHANNELS * SIZE * SIZE];
        for (int index = 0; index < pixels.length; index++) {
            pixels[index] = brightness * (float) Math.sin(index);
        }
        SafetensorsWriter.write(
                file,
                List.of(
                        NamedTensor.floats("inputs", pixels, IMAGES, ModelSpec.CHANNELS, SIZE, SIZE),
                        NamedTensor.longs("labels", new long[] {3, 30}, IMAGES)),
                Map.of());
        return new DataSpec.Tensors(file);
    }

    @Test
    void shouldMeasureTheBareModule() {
        Peer peer = measure(plan(1, Precision.FP32, batch(1)));
        assertEquals(STEPS, peer.samplesMillis().size());
        assertTrue(peer.samplesMillis().stream().allMatch(millis -> millis > 0), peer::toString);
        double mean = (peer.samplesMillis().get(0) + peer.samplesMillis().get(1)) / 2;
        assertEquals(IMAGES * 1000 / mean, peer.imagesPerSecond(), 1e-9);
        assertEquals("peak-resident", peer.memoryMiB().kind());
        assertTrue(peer.memoryMiB().max() > 100, peer::toString);
        assertTrue(Double.isFinite(peer.finalLoss()), peer::toString);
        assertNull(peer.amp());
        assertTrue(peer.program().startsWith("PyTorch " + python.torch()), peer::program);
        assertTrue(peer.ratio().median() > 0, peer::toString);
    }

    @Test
    void shouldTrainOnTheBatchItIsGiven() {
        double first = measure(plan(1, Precision.FP32, batch(1))).finalLoss();
        double again = measure(plan(1, Precision.FP32, batch(1))).finalLoss();
        double other = measure(plan(1, Precision.FP32, batch(3))).finalLoss();
        assertEquals(first, again, 1e-3 * Math.abs(first));
        assertNotEquals(first, other, 1e-3 * Math.abs(first));
    }

    @Test
    void shouldMeasureProcessesOverGlooInMixedPrecision() throws Exception {
        Peer peer = measure(plan(2, Precision.AMP, new DataSpec.Synthetic()));
        assertEquals("PyTorch " + python.torch() + " DistributedDataParallel, channels-last, gloo", peer.program());
        assertEquals("bfloat16", peer.amp().dtype());
        assertEquals(2, peer.memoryMiB().perDevice().size());
        assertTrue(peer.memoryMiB().perDevice().stream().allMatch(Objects::nonNull), peer::toString);
        try (var left = Files.walk(folder)) {
            assertTrue(left.noneMatch(file -> file.toString().endsWith(".rendezvous")), "the meeting point is gone");
        }
    }
}
