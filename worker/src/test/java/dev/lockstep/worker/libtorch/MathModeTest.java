package dev.lockstep.worker.libtorch;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lockstep.worker.libtorch.MathMode.Switches;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The switches are there in a CPU build of libtorch, too. */
class MathModeTest {
    private Switches before;

    @BeforeEach
    void open() {
        LibTorch.load();
        before = MathMode.read();
    }

    @AfterEach
    void restore() {
        MathMode.set(before);
    }

    @ParameterizedTest
    @CsvSource({
        "true,false,true,10",
        "false,false,true,0",
        "true,true,false,3",
        "false,true,false,1",
        "false,false,false,10"
    })
    void shouldReadBackWhatWasSet(
            boolean convolutionTf32, boolean productTf32, boolean autotuning, int autotuningLimit) {
        Switches wanted = new Switches(convolutionTf32, productTf32, autotuning, autotuningLimit);

        assertEquals(wanted, MathMode.set(wanted));
        assertEquals(wanted, MathMode.read());
    }
}
