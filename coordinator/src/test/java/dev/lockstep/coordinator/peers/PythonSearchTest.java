package dev.lockstep.coordinator.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import org.junit.jupiter.api.Test;

class PythonSearchTest {
    private static Python only(String good, String candidate) {
        if (!candidate.equals(good)) {
            throw new LockstepException(FailureCategory.ENVIRONMENT, "No module named 'torch'");
        }
        return new Python(candidate, "3.11", "2.6.0", "0.21.0", null);
    }

    @Test
    void shouldTryThePathAndThenTheDistribution() {
        assertEquals(
                "python3",
                PythonSearch.find(null, candidate -> only("python3", candidate)).executable());
        assertEquals(
                "/usr/bin/python3",
                PythonSearch.find(null, candidate -> only("/usr/bin/python3", candidate))
                        .executable());
    }

    @Test
    void shouldTakeNoOtherThanTheOneGiven() {
        assertEquals(
                "/venv/python",
                PythonSearch.find("/venv/python", candidate -> only("/venv/python", candidate))
                        .executable());
        LockstepException refused = assertThrows(
                LockstepException.class,
                () -> PythonSearch.find("/venv/python", candidate -> only("python3", candidate)));
        assertEquals(FailureCategory.ENVIRONMENT, refused.failure().category());
        assertTrue(refused.getMessage().contains("tried /venv/python (No module named 'torch');"), refused::getMessage);
    }

    @Test
    void shouldNameAllThatWasTried() {
        LockstepException refused = assertThrows(
                LockstepException.class, () -> PythonSearch.find(null, candidate -> only("none", candidate)));
        assertTrue(
                refused.getMessage()
                        .contains(
                                "tried python3 (No module named 'torch'), /usr/bin/python3 (No module named 'torch'); install"),
                refused::getMessage);
    }
}
