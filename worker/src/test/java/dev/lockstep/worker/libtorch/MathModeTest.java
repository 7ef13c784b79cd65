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
    @CsvSource({"true,false,true", "false,false,true", "true,true,false", "false,true,false", "false,false,false"})
    void shouldReadBackWhatWasSet(boolean convolutionTf32, boolean productTf32, boolean autotuning) {
        Switches wanted = new Switches(convolutionTf32, productTf32, autotuning);

        assertEquals(wanted, MathMode.set(wanted));
        assertEquals(wanted, MathMode.read());
    }
}
