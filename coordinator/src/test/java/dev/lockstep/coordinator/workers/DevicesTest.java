package dev.lockstep.coordinator.workers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DevicesTest {
    private static List<Integer> processors(int count) {
        return IntStream.range(0, count).boxed().toList();
    }

    private static List<List<Integer>> cpus(String specification, List<Integer> processors) {
        return Devices.find(specification, processors, "cpu").stream()
                .map(Device::cpus)
                .toList();
    }

    @Test
    void shouldShareProcessorsEvenly() {
        assertEquals(List.of(List.of(0, 1), List.of(2, 3)), cpus("cpu:2", processors(4)));
        assertEquals(List.of(List.of(0), List.of(1), List.of(2)), cpus("cpu:3", processors(4)));
        assertEquals(List.of(List.of(4, 7)), cpus("cpu:1", List.of(4, 7)));
    }

    @Test
    void shouldPutSeveralReplicasOnAProcessorWhenThereAreTooFew() {
        assertEquals(List.of(List.of(0), List.of(1), List.of(0), List.of(1)), cpus("cpu:4", processors(2)));
    }

    @Test
    void shouldChooseTwoToFourByDefault() {
        assertEquals(2, cpus("auto", processors(1)).size());
        assertEquals(2, cpus("auto", processors(2)).size());
        assertEquals(4, cpus("auto", processors(64)).size());
        assertEquals(16, Devices.find("auto", processors(64), "cpu").get(3).threads());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "cpu", "cpu:0", "cpu:-1", "cpu:1000", "gpu:1", "cuda:", "cuda:0,"})
    void shouldRefuseWhatIsNoSpecification(String specification) {
        LockstepException refusal = assertThrows(LockstepException.class, () -> cpus(specification, processors(2)));
        assertEquals(FailureCategory.USAGE, refusal.failure().category());
    }

    @ParameterizedTest
    @ValueSource(strings = {"cuda:all", "cuda:0,2"})
    void shouldNeverServeCudaWithTheCpu(String specification) {
        LockstepException refusal = assertThrows(LockstepException.class, () -> cpus(specification, processors(2)));
        assertEquals(FailureCategory.ENVIRONMENT, refusal.failure().category());
    }
}
