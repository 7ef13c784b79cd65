package dev.lockstep.worker.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.plan.OptimizerKind;
import dev.lockstep.common.plan.OptimizerSpec;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.work.BareOrder;
import dev.lockstep.common.work.BareReport;
import dev.lockstep.common.work.TrainingSpec;
import dev.lockstep.worker.step.DjlTrainingEngine;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The engine is the real one, with the small model. */
class BareLoopTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int STEPS = 3;

    private final LinkedBlockingQueue<String> lines = new LinkedBlockingQueue<>();
    private final ByteArrayOutputStream output = new ByteArrayOutputStream();
    private final DjlTrainingEngine engine = new DjlTrainingEngine(1, List.of());
    private final BareLoop loop = new BareLoop(engine, lines, new PrintStream(output, true, StandardCharsets.UTF_8));

    @BeforeEach
    void start() {
        engine.start();
    }

    private static String order(Precision precision) throws JsonProcessingException {
        TrainingSpec training = new TrainingSpec(
                new ModelSpec("tiny", 5, 32, null, null),
                precision,
                new OptimizerSpec(OptimizerKind.SGD, 0.05, 0.9, 1e-4),
                MemoryFormat.CHANNELS_LAST,
                7);
        return JSON.writeValueAsString(new BareOrder(training, 4, 2, STEPS));
    }

    private List<String> answers() {
        return output.toString(StandardCharsets.UTF_8).lines().toList();
    }

    @Test
    void shouldReportEveryTimedStepOfEachOrder() throws Exception {
        for (Precision precision : List.of(Precision.FP32, Precision.AMP)) {
            lines.addAll(List.of(order(precision), "GO", "STOP"));
            output.reset();

            loop.serve();

            assertEquals(3, answers().size(), answers()::toString);
            assertEquals("READY", answers().get(0));
            BareReport report = JSON.readValue(answers().get(1), BareReport.class);
            assertEquals(STEPS, report.stepNanos().size());
            assertTrue(report.stepNanos().stream().allMatch(nanos -> nanos > 0), report::toString);
            assertTrue(report.finalLoss() > 0, report::toString);
            assertEquals("RELEASED", answers().get(2));
        }
    }

    @Test
    void shouldRefuseToBeStoppedBeforeItWasMeasured() throws Exception {
        lines.addAll(List.of(order(Precision.FP32), "STOP"));

        assertThrows(IllegalStateException.class, loop::serve);

        assertEquals(List.of("READY"), answers());
    }
}
