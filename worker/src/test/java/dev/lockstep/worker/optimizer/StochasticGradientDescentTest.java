package dev.lockstep.worker.optimizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.plan.OptimizerKind;
import dev.lockstep.common.plan.OptimizerSpec;
import dev.lockstep.worker.libtorch.LibTorch;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class StochasticGradientDescentTest {
    private NDManager manager;

    @BeforeEach
    void open() {
        manager = LibTorch.load().newBaseManager();
    }

    @AfterEach
    void close() {
        manager.close();
    }

    @Test
    void shouldStepAsTorchDoes() {
        // torch.optim.SGD([p], lr=0.1, momentum=0.9, weight_decay=0.01), p = [1, -2, 0.5], gradients [0.5, 0.25, -1]
        // thrice.
        float[][] expected = {
            {0.949f, -2.023f, 0.5995f}, {0.852151f, -2.066677f, 0.7884505f}, {0.71413475f, -2.1289196f, 1.0577174f}
        };
        NDArray parameters = manager.create(new float[] {1f, -2f, 0.5f});
        NDArray gradients = manager.create(new float[] {0.5f, 0.25f, -1f});
        Optimizer optimizer = Optimizer.create(spec(0.1, 0.9, 0.01), manager, parameters, gradients);

        for (float[] step : expected) {
            optimizer.step();
            assertArrayEquals(step, parameters.toFloatArray(), 1e-6f);
        }
        assertArrayEquals(new float[] {0.5f, 0.25f, -1f}, gradients.toFloatArray());
    }

    @Test
    void shouldFollowTheFormulaOverManyFloats() {
        checkFormula(0.9, 1e-2);
        checkFormula(0.9, 0);
        checkFormula(0, 1e-2);
        checkFormula(0, 0);
    }

    private void checkFormula(double momentum, double weightDecay) {
        int floats = 100_003;
        double rate = 0.05;
        SplittableRandom random = new SplittableRandom(5);
        float[] values = new float[floats];
        for (int i = 0; i < floats; i++) {
            values[i] = (float) random.nextDouble(-1, 1);
        }
        NDArray parameters = manager.create(values.clone());
        NDArray gradients = manager.create(new float[floats]);
        Optimizer optimizer = Optimizer.create(spec(rate, momentum, weightDecay), manager, parameters, gradients);
        double[] expected = new double[floats];
        double[] velocity = new double[floats];
        for (int i = 0; i < floats; i++) {
            expected[i] = values[i];
        }
        for (int step = 0; step < 4; step++) {
            float[] fresh = new float[floats];
            for (int i = 0; i < floats; i++) {
                fresh[i] = (float) random.nextDouble(-1, 1);
                double gradient = fresh[i] + weightDecay * expected[i];
                velocity[i] = step == 0 ? gradient : momentum * velocity[i] + gradient;
                expected[i] -= rate * velocity[i];
            }
            LibTorch.zero(gradients);
            gradients.addi(manager.create(fresh));
            optimizer.step();
        }
        float[] got = parameters.toFloatArray();
        for (int i = 0; i < floats; i++) {
            assertEquals(expected[i], got[i], 1e-6);
        }
    }

    @Test
    void shouldRefuseNesterovWithoutMomentum() {
        NDArray array = manager.create(new float[1]);
        OptimizerSpec contradiction = new OptimizerSpec(OptimizerKind.SGD, 0.1, 0, 0, true);

        LockstepException e =
                assertThrows(LockstepException.class, () -> Optimizer.create(contradiction, manager, array, array));

        assertEquals(FailureCategory.USAGE, e.failure().category());
    }

    private static OptimizerSpec spec(double learningRate, double momentum, double weightDecay) {
        return new OptimizerSpec(OptimizerKind.SGD, learningRate, momentum, weightDecay);
    }
}
