package dev.lockstep.coordinator.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.plan.DataSpec;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.work.CollectiveKind;
import dev.lockstep.common.work.EngineInfo;
import dev.lockstep.common.work.StateFiles;
import dev.lockstep.coordinator.workers.Lease.LeasedWorker;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AdmissionTest {
    @TempDir
    Path folder;

    private static Admission decide(Plan plan, double budgetMiB) {
        return decide(plan, budgetMiB, List.of());
    }

    private static Admission decide(Plan plan, double budgetMiB, List<LeasedWorker> workers) {
        MeasurementSetting setting = new MeasurementSetting(
                plan.measurements().get(0),
                plan,
                PlayedWorkers.training(plan),
                new StateFiles(null, null, null),
                PlayedWorkers.RUN,
                PlayedWorkers.EPOCH,
                null,
                deviceIds -> CollectiveKind.SHARED_MEMORY,
                leased -> budgetMiB,
                8000,
                null,
                Duration.ofSeconds(60),
                leased -> PlayedWorkers.watch(),
                leased -> PlayedWorkers.noTurns(),
                Runnable::run);
        return Admission.decide(setting, workers, PlayedWorkers.FOOTPRINT);
    }

    private static Plan plan() {
        return PlayedWorkers.plan(Strategy.DATA_PARALLEL, 1);
    }

    @Test
    void shouldOpenTheDataPlaneOfWhatFits() throws IOException {
        Admission admission = decide(plan(), 1000);
        assertNull(admission.failure());
        assertEquals(1000, admission.memory().availableMiB());
        Path segment = admission.dataPlane().segment().path();
        Object file = PlayedWorkers.fileAt(segment);
        assertNotNull(file);
        admission.dataPlane().close();
        assertNotEquals(file, PlayedWorkers.fileAt(segment));
    }

    @Test
    void shouldRefuseWhatDoesNotFitWithWhatItNeeds() {
        Admission admission = decide(plan(), 239);
        assertNull(admission.dataPlane());
        assertEquals(FailureCategory.NOT_ENOUGH_MEMORY, admission.failure().category());
        assertTrue(admission.memory().neededMiB() > 239, admission::toString);
        assertEquals(8000, admission.memory().totalMiB());
    }

    @Test
    void shouldRefuseWhatHasNoDataAndStillSayWhatItNeeds() {
        Path nowhere = folder.resolve("nowhere.safetensors");
        Admission admission =
                decide(PlayedWorkers.plan(Strategy.DATA_PARALLEL, 1, new DataSpec.Tensors(nowhere)), 1000);
        assertNull(admission.dataPlane());
        assertTrue(admission.failure().message().contains(nowhere.toString()), admission::toString);
        assertTrue(admission.memory().neededMiB() > 200, admission::toString);
    }

    @Test
    void shouldNotTakeTheMachinesMemoryForThatOfGpus() throws IOException {
        EngineInfo cuda = new EngineInfo("djl", "torch", "12.4", "9.1", 1, "malloc", "libtorch");
        Admission admission = decide(plan(), 1000, List.of(new LeasedWorker("cuda:0", null, cuda, 1, List.of())));
        admission.dataPlane().close();
        assertEquals(new MemoryNeed(null, null, null), admission.memory());
        assertEquals("", admission.memory().described());
    }
}
