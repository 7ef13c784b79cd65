package dev.lockstep.worker.optimizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.lockstep.common.plan.OptimizerKind;
import dev.lockstep.common.plan.OptimizerSpec;
import dev.lockstep.worker.libtorch.LibTorch;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Five steps against torch.optim's in float64, from {@link #INITIAL} with the gradients of {@link #gradients}: one row a step.
 */
class TorchOptimizersTest {
    private static final float[] INITIAL = {1f, -2f, 0.5f, 0f, 1e-3f, -0.75f};

    /** SGD, learning rate 0.1, momentum 0.9, weight decay 0.01, nesterov. */
    private static final double[][] NESTEROV = {
        {0.996501205, -1.98182075, 0.374222546, 0.00103364011, -0.0069850737, -0.69387337},
        {0.991236481, -1.95130538, 0.131675211, 0.00329898853, -0.0277219248, -0.507845465},
        {0.985166606, -1.91664886, -0.156340682, 0.00618780545, -0.0562933411, -0.228513758},
        {0.979326092, -1.88781673, -0.391312523, 0.00873160394, -0.0833707959, 0.0562112925},
        {0.974348497, -1.87167422, -0.496448165, 0.0100832674, -0.0998571897, 0.250869576},
    };

    /** Adam, learning rate 0.01. */
    private static final double[][] ADAM = {
        {0.990000012, -1.99, 0.49, 0.00999998162, -0.00899999762, -0.74},
        {0.979990514, -1.98002297, 0.480095424, 0.0197758175, -0.0185606249, -0.730797594},
        {0.970211278, -1.97012392, 0.470157415, 0.029669817, -0.0283179475, -0.721288345},
        {0.962236324, -1.96152377, 0.461089172, 0.0390508942, -0.0378573643, -0.711746229},
        {0.958376709, -1.95664134, 0.455246991, 0.0457568621, -0.0452944652, -0.703746871},
    };

    /** Adam, learning rate 0.01, weight decay 0.1. */
    private static final double[][] ADAM_DECAYED = {
        {0.990000001, -1.99, 0.49, 0.00999998162, -0.00899999763, -0.74},
        {0.979998877, -1.97998709, 0.480078999, 0.0198692166, -0.0185744628, -0.730619866},
        {0.970013499, -1.96999982, 0.470130712, 0.0297790688, -0.0283421897, -0.721003205},
        {0.960073324, -1.96018933, 0.460972889, 0.0383634877, -0.0378534382, -0.711367167},
        {0.950204446, -1.9507777, 0.454744342, 0.0421103817, -0.0450908386, -0.703046669},
    };

    /** AdamW, learning rate 0.01, weight decay 0.1. */
    private static final double[][] ADAMW = {
        {0.989000012, -1.988, 0.4895, 0.00999998162, -0.00900099762, -0.73925},
        {0.978001514, -1.97603497, 0.479105924, 0.0197658175, -0.0185526239, -0.729308344},
        {0.967244277, -1.96415989, 0.468688809, 0.0296400512, -0.0282913939, -0.719069787},
        {0.958302078, -1.95359558, 0.459151877, 0.0389914884, -0.0378025193, -0.708808601},
        {0.953484161, -1.94675954, 0.452850545, 0.0456584647, -0.0452018177, -0.700100434},
    };

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
    void shouldStepAsTorchsSgdWithNesterov() {
        check(NESTEROV, new OptimizerSpec(OptimizerKind.SGD, 0.1, 0.9, 0.01, true));
    }

    @Test
    void shouldStepAsTorchsAdam() {
        check(ADAM, new OptimizerSpec(OptimizerKind.ADAM, 0.01, 0, 0));
    }

    @Test
    void shouldAddAdamsWeightDecayToTheGradient() {
        check(ADAM_DECAYED, new OptimizerSpec(OptimizerKind.ADAM, 0.01, 0, 0.1));
    }

    @Test
    void shouldKeepAdamWsWeightDecayApart() {
        check(ADAMW, new OptimizerSpec(OptimizerKind.ADAMW, 0.01, 0, 0.1));
    }

    private void check(double[][] expected, OptimizerSpec spec) {
        NDArray parameters = manager.create(INITIAL.clone());
        NDArray gradients = manager.create(new float[INITIAL.length]);
        Optimizer optimizer = Optimizer.create(spec, manager, parameters, gradients);
        for (int step = 0; step < expected.length; step++) {
            set(gradients, gradients(step));
            optimizer.step();
            float[] got = parameters.toFloatArray();
            for (int i = 0; i < INITIAL.length; i++) {
                double wanted = expected[step][i];
                assertEquals(wanted, got[i], 2e-6 + 1e-5 * Math.abs(wanted), "step " + step + ", element " + i);
            }
        }
    }

    @Test
    void shouldStepPartsAsItStepsTheWhole() {
        for (OptimizerKind kind : OptimizerKind.values()) {
            OptimizerSpec spec = new OptimizerSpec(kind, 0.01, 0.9, 0.1, kind == OptimizerKind.SGD);
            int floats = 4099;
            float[] initial = values(floats, -1);
            NDArray parameters = manager.create(initial.clone());
            NDArray gradients = manager.create(new float[floats]);
            Optimizer whole = Optimizer.create(spec, manager, parameters, gradients);
            ByteBuffer shardedParameters = floats(initial);
            ByteBuffer shardedGradients = floats(new float[floats]);
            int cut = 2064;
            Optimizer first = shard(spec, shardedParameters, shardedGradients, 0, cut);
            Optimizer second = shard(spec, shardedParameters, shardedGradients, cut, floats);

            for (int step = 0; step < 3; step++) {
                float[] fresh = values(floats, step);
                set(gradients, fresh);
                shardedGradients.asFloatBuffer().put(fresh);
                whole.step();
                second.step();
                first.step();
            }

            float[] got = new float[floats];
            shardedParameters.asFloatBuffer().get(got);
            assertArrayEquals(parameters.toFloatArray(), got, 1e-7f, kind.label());
        }
    }

    @Test
    void shouldLeavePaddingZero() {
        for (OptimizerKind kind : OptimizerKind.values()) {
            NDArray parameters = manager.create(new float[] {1f, 0f, 0f});
            NDArray gradients = manager.create(new float[] {1f, 0f, 0f});
            Optimizer optimizer =
                    Optimizer.create(new OptimizerSpec(kind, 0.1, 0.9, 0.1), manager, parameters, gradients);

            optimizer.step();
            optimizer.step();

            assertEquals(0f, parameters.toFloatArray()[1], kind.label());
            assertEquals(0f, parameters.toFloatArray()[2], kind.label());
        }
    }

    private Optimizer shard(OptimizerSpec spec, ByteBuffer parameters, ByteBuffer gradients, int from, int to) {
        return Optimizer.create(spec, manager, part(parameters, from, to), part(gradients, from, to));
    }

    private NDArray part(ByteBuffer bytes, int from, int to) {
        ByteBuffer part =
                bytes.slice(from * Float.BYTES, (to - from) * Float.BYTES).order(ByteOrder.nativeOrder());
        return manager.create(part, new Shape(to - from), DataType.FLOAT32);
    }

    private static ByteBuffer floats(float[] values) {
        ByteBuffer bytes =
                ByteBuffer.allocateDirect(values.length * Float.BYTES).order(ByteOrder.nativeOrder());
        bytes.asFloatBuffer().put(values);
        return bytes;
    }

    private void set(NDArray array, float[] values) {
        LibTorch.zero(array);
        array.addi(manager.create(values));
    }

    private static float[] gradients(int step) {
        return values(INITIAL.length, step);
    }

    /** sin(1 + 3 i + 7 step) * 10^(i mod 3 - 2). */
    private static float[] values(int count, int step) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) (Math.sin(1 + 3 * i + 7 * step) * Math.pow(10, i % 3 - 2));
        }
        return values;
    }
}
