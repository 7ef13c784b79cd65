package dev.lockstep.common.protocol;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.javadsl.Adapter;
import akka.serialization.Serialization;
import akka.serialization.SerializationExtension;
import akka.serialization.SerializerWithStringManifest;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.memory.SegmentLayout;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.plan.OptimizerKind;
import dev.lockstep.common.plan.OptimizerSpec;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.work.AmpSummary;
import dev.lockstep.common.work.CollectiveKind;
import dev.lockstep.common.work.CommunicatorId;
import dev.lockstep.common.work.EngineInfo;
import dev.lockstep.common.work.ModelFootprint;
import dev.lockstep.common.work.PhaseNanos;
import dev.lockstep.common.work.Reduction;
import dev.lockstep.common.work.ReplicaSpec;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.common.work.StateFiles;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.common.work.StepReport;
import dev.lockstep.common.work.TrainingSpec;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Walks every message of every remote protocol: each is there, survives the wire, and is small. */
class ProtocolTest {
    /** Messages carry control, never tensors; a step's own messages must stay within one network packet. */
    private static final int LARGEST_BYTES = 2048;

    private static final int DEVICES = 16;

    private static final CommunicatorId COMMUNICATOR = CommunicatorId.of(new byte[128]);

    private static ActorTestKit testKit;
    private static Serialization serialization;

    @BeforeAll
    static void start() {
        Config config = ConfigFactory.parseString("akka.coordinated-shutdown.exit-jvm = off")
                .withFallback(ClusterConfig.of("worker", 0, null, null));
        testKit = ActorTestKit.create(config);
        serialization = SerializationExtension.get(Adapter.toClassic((ActorSystem<?>) testKit.system()));
    }

    @AfterAll
    static void stop() {
        testKit.shutdownTestKit();
    }

    private static List<ControlMessage> messages() {
        TestProbe<MeasurementMessage> measurement = testKit.createTestProbe(MeasurementMessage.class);
        TestProbe<WorkerMessage> worker = testKit.createTestProbe(WorkerMessage.class);
        EngineInfo engine = new EngineInfo("0.32.0", "2.5.1", null, null, 4, "glibc 2.36, huge pages", "libtorch");
        TrainingSpec training = new TrainingSpec(
                new ModelSpec("efficientnet_b3", 35, 224, null, 0.1),
                Precision.AMP_BF16,
                new OptimizerSpec(OptimizerKind.SGD, 0.01, 0.9, 1e-4),
                MemoryFormat.CHANNELS_LAST,
                Long.MIN_VALUE);
        ReplicaSpec replica = new ReplicaSpec(
                "20261123-120000",
                9,
                3,
                DEVICES,
                Strategy.ALL_REDUCE,
                training,
                new StateFiles("/weights.safetensors", "/saved.safetensors", "/trace.safetensors"),
                "/proc/4194304/fd/1000",
                new SegmentLayout(DEVICES, 512, 3L * 224 * 224, 35, 10_760_000, 90_000),
                CollectiveKind.NCCL,
                COMMUNICATOR);
        StepCommand command = new StepCommand(
                Long.MAX_VALUE, 1, Collections.nCopies(DEVICES, Integer.MAX_VALUE), Reduction.SUM_TO_ALL);
        StepReport report = new StepReport(
                7, Long.MAX_VALUE, new PhaseNanos(1, 2, 3, 4, 5, 6, 7, Long.MAX_VALUE), 12, 3.5553480614894135);
        return List.of(
                new PoolMessage.Introduce("cpu:15", 4194304, "f".repeat(64), engine, worker.getRef()),
                new WorkerMessage.Probe(1, training, measurement.getRef()),
                new WorkerMessage.CreateCommunicatorId(1, measurement.getRef()),
                new WorkerMessage.Prepare(replica, measurement.getRef()),
                new WorkerMessage.RunSteps(1, List.of(command, command)),
                new WorkerMessage.Summarise(1),
                new WorkerMessage.Release(1, measurement.getRef()),
                new WorkerMessage.Stop(),
                new MeasurementMessage.Probed(1, new ModelFootprint(10_750_027, 340, 10_760_000, 90_000, 1.5, null)),
                new MeasurementMessage.CommunicatorIdCreated(1, COMMUNICATOR),
                new MeasurementMessage.Prepared(1, 0),
                new MeasurementMessage.StepsDone(1, 0, List.of(report, report)),
                new MeasurementMessage.Summarised(
                        1,
                        0,
                        new ReplicaSummary(
                                "0123abcd", 5467.19, "peak-resident", new AmpSummary("float16", 32768.0, 1), true)),
                new MeasurementMessage.Released(1, "cpu:0"),
                new MeasurementMessage.WorkFailed(1, "cpu:0", new Failure(FailureCategory.TIMEOUT, "no answer")));
    }

    @Test
    void shouldCoverEveryMessage() {
        Set<String> declared = leaves(ControlMessage.class).collect(Collectors.toCollection(TreeSet::new));
        Set<String> walked = messages().stream()
                .map(message -> message.getClass().getName())
                .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(declared, walked);
    }

    private static Stream<String> leaves(Class<?> type) {
        return type.isSealed()
                ? Arrays.stream(type.getPermittedSubclasses()).flatMap(ProtocolTest::leaves)
                : Stream.of(type.getName());
    }

    @TestFactory
    Stream<DynamicTest> shouldSurviveTheWireAndStaySmall() {
        return messages().stream()
                .map(message -> DynamicTest.dynamicTest(message.getClass().getSimpleName(), () -> walk(message)));
    }

    @Test
    void shouldKeepTheCommunicatorIdOutOfLogs() {
        byte[] bytes = new byte[128];
        Arrays.fill(bytes, (byte) 0x5a);
        CommunicatorId secret = CommunicatorId.of(bytes);

        String logged = new MeasurementMessage.CommunicatorIdCreated(1, secret).toString();

        assertArrayEquals(bytes, secret.bytes());
        assertFalse(logged.contains(secret.base64().substring(0, 8)), logged);
    }

    private static void walk(ControlMessage message) {
        SerializerWithStringManifest serializer =
                (SerializerWithStringManifest) serialization.findSerializerFor(message);
        assertEquals("jackson-cbor", serializerName(serializer));
        byte[] bytes = serialization.serialize(message).get();
        assertTrue(bytes.length <= LARGEST_BYTES, message.getClass() + " takes " + bytes.length + " bytes");
        Object back = serialization
                .deserialize(bytes, serializer.identifier(), serializer.manifest(message))
                .get();
        assertEquals(message, back);
    }

    private static String serializerName(SerializerWithStringManifest serializer) {
        return serializer instanceof akka.serialization.jackson.JacksonCborSerializer
                ? "jackson-cbor"
                : serializer.getClass().getName();
    }
}
