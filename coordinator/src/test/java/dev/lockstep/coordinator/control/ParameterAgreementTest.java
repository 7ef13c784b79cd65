package dev.lockstep.coordinator.control;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.work.ReplicaSummary;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ParameterAgreementTest {
    private static Optional<Failure> check(String... checksums) {
        List<ReplicaSummary> summaries = Arrays.stream(checksums)
                .map(checksum -> new ReplicaSummary(checksum, null, null, null, false))
                .toList();
        return ParameterAgreement.check(summaries);
    }

    @Test
    void shouldAcceptEqualParameters() {
        assertEquals(Optional.empty(), check("00c0ffee"));
        assertEquals(Optional.empty(), check("00c0ffee", "00c0ffee", "00c0ffee"));
    }

    @Test
    void shouldNameTheRanksThatDiffer() {
        Failure failure = check("ffffffff", "00c0ffee", "ffffffff").orElseThrow();
        assertEquals(FailureCategory.INTERNAL, failure.category());
        assertEquals(
                "the replicas' parameters differ at the end, by checksum: ffffffff on rank 0, 2; 00c0ffee on rank 1",
                failure.message());
    }
}
