package dev.lockstep.worker.step;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lockstep.common.memory.LossScale;
import dev.lockstep.common.memory.SegmentLayout;
import dev.lockstep.common.plan.Chunks;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.work.CollectiveKind;
import dev.lockstep.common.work.StateFiles;
import dev.lockstep.common.work.TrainingSpec;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Replicas with memory of their own, over staged copies or NCCL, against CPU replicas that share theirs: bit for bit. */
class DeviceReplicasTest {
    private static final long SEED = 3;
    private static final int LARGEST = 10;
    /** 3,3,3,1 on four, the second time recorded; then 2,2,1 with an idle one; one chunk alone; all again. */
    private static final List<Integer> BATCHES = List.of(10, 10, 5, 1, 10, 7);

    static Stream<Arguments> cases() {
        List<Arguments> cases = new ArrayList<>();
        for (Strategy strategy : Strategy.values()) {
            for (int ranks : new int[] {1, 2, 4}) {
                for (CollectiveKind kind : List.of(CollectiveKind.STAGED, CollectiveKind.NCCL)) {
                    cases.add(Arguments.of(strategy, ranks, kind, Precision.FP32));
                }
            }
            cases.add(Arguments.of(strategy, 1, CollectiveKind.NONE, Precision.FP32));
            cases.add(Arguments.of(strategy, 3, CollectiveKind.STAGED, Precision.AMP_FP16));
            cases.add(Arguments.of(strategy, 3, CollectiveKind.NCCL, Precision.AMP_FP16));
        }
        return cases.stream();
    }

    @ParameterizedTest(name = "{0} on {1} over {2} in {3}")
    @MethodSource("cases")
    void shouldEqualReplicasThatShareTheirMemory(Strategy strategy, int ranks, CollectiveKind kind, Precision precision)
            throws Exception {
        check(strategy, ranks, kind, precision, BATCHES);
    }

    @ParameterizedTest
    @MethodSource("kindsAndStrategies")
    void shouldBringTheFirstParametersToARankThatWasIdleThen(CollectiveKind kind, Strategy strategy) throws Exception {
        check(strategy, 3, kind, Precision.FP32, List.of(2, 2, 6));
    }

    static Stream<Arguments> kindsAndStrategies() {
        return Stream.of(CollectiveKind.STAGED, CollectiveKind.NCCL)
                .flatMap(kind -> Stream.of(Strategy.values()).map(strategy -> Arguments.of(kind, strategy)));
    }

    private static void check(
            Strategy strategy, int ranks, CollectiveKind kind, Precision precision, List<Integer> batches)
            throws IOException {
        TrainingSpec training = TinyTraining.quiet(precision, SEED);
        float[] images = TinyTraining.images(LARGEST);
        long[] labels = TinyTraining.labels(LARGEST);
        try (ReplicaGroup group =
                new ReplicaGroup(training, strategy, StateFiles.NONE, ranks, LARGEST, Duration.ofMinutes(1))) {
            SegmentLayout layout = group.segment().layout();
            try (DeviceReplicas replicas = new DeviceReplicas(training, strategy, kind, layout)) {
                group.fill(0, images, labels);
                ReplicaGroup.fill(replicas.segment(), training.memoryFormat(), 0, images, labels);
                Replica expected = group.on(0, engine -> engine.replica());
                for (int batch : batches) {
                    List<Integer> chunks = Chunks.of(batch, ranks);

                    double loss = replicas.step(chunks);

                    assertEquals(group.step(chunks).get(0).loss(), loss);
                    Replica first = replicas.replica(0);
                    assertSame(expected.gradients(), first.gradients());
                    assertSame(expected.buffers(), first.buffers());
                    assertArrayEquals(logits(group, batch), logits(replicas, batch));
                }
                float[] parameters = expected.parameters().array().toFloatArray();
                for (float[] own : replicas.parameters()) {
                    assertArrayEquals(parameters, own);
                }
                assertEquals(
                        group.on(
                                0,
                                engine -> engine.summarise().amp() == null
                                        ? null
                                        : engine.summarise().amp().finalScale()),
                        replicas.scaling().state().map(LossScale::scale).orElse(null));
            }
        }
    }

    private static void assertSame(FlatTensor expected, FlatTensor actual) {
        // Adding up zeros may lose a zero's sign.
        assertArrayEquals(expected.array().toFloatArray(), actual.array().toFloatArray(), 0);
    }

    private static float[] logits(ReplicaGroup group, int batch) throws IOException {
        float[] logits = new float[batch * TinyTraining.CLASSES];
        group.segment().logits(0, batch).asFloatBuffer().get(logits);
        return logits;
    }

    private static float[] logits(DeviceReplicas replicas, int batch) throws IOException {
        float[] logits = new float[batch * TinyTraining.CLASSES];
        replicas.segment().logits(0, batch).asFloatBuffer().get(logits);
        return logits;
    }
}
