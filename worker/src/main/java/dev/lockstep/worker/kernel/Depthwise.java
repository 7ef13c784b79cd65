package dev.lockstep.worker.kernel;

import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import com.sun.jna.Pointer;
import dev.lockstep.worker.kernel.DepthwiseCode.Geometry;
import dev.lockstep.worker.libtorch.LibTorch;

/**
 * A convolution with as many groups as channels, of one batch [N, C, H, W] of float32 or bfloat16 in channels-last order, by one thread. The padding
 * is what keeps the size at a stride of 1. All arithmetic is float32's, of filters rounded to the images' type. The arrays have no
 * history.
 */
public final class Depthwise {
    private static final int HEIGHT = 2;
    private static final int WIDTH = 3;

    private final int kernel;
    private final int stride;

    /**
     * @param kernel height and width of the filter: 3 or 5
     * @param stride 1 or 2, in both directions
     */
    public Depthwise(int kernel, int stride) {
        if ((kernel != 3 && kernel != 5) || (stride != 1 && stride != 2)) {
            throw new IllegalArgumentException("no kernel of %d x %d by %d".formatted(kernel, kernel, stride));
        }
        this.kernel = kernel;
        this.stride = stride;
    }

    /**
     * The convolution.
     *
     * @param filter float32 [C, 1, kernel, kernel]
     * @return [N, C, OH, OW], of the images' type and order
     */
    public PtNDArray convolve(PtNDArray images, PtNDArray filter) {
        PtNDArray output = emptyOutput(images);
        try (DepthwiseKernel convolution = convolution(images, filter)) {
            convolution.run(LibTorch.address(images), LibTorch.address(output), images(images));
        }
        return output;
    }

    /**
     * The gradient by the input.
     *
     * @param outputGradient [N, C, OH, OW], of the images' type and order
     * @param images that were convolved; their values are not read
     * @param filter float32 [C, 1, kernel, kernel]
     * @return [N, C, H, W], of the images' type and order
     */
    public PtNDArray inputGradient(PtNDArray outputGradient, PtNDArray images, PtNDArray filter) {
        checkLikeOutput(outputGradient, images);
        PtNDArray gradient = LibTorch.emptyLike(images);
        try (DepthwiseKernel kernel = inputGradient(images, filter)) {
            kernel.run(LibTorch.address(outputGradient), LibTorch.address(gradient), images(images));
        }
        return gradient;
    }

    /**
     * Adds the gradient by the filter.
     *
     * @param sum float32 [C, 1, kernel, kernel]
     * @param outputGradient [N, C, OH, OW], of the images' type and order
     */
    public void addFilterGradient(PtNDArray sum, PtNDArray outputGradient, PtNDArray images) {
        checkLikeOutput(outputGradient, images);
        try (DepthwiseKernel kernel = filterGradient(images)) {
            kernel.run(LibTorch.address(images), LibTorch.address(outputGradient), images(images));
            add(sum, kernel, images);
        }
    }

    /** To be run by rows. */
    DepthwiseKernel convolution(PtNDArray images, PtNDArray filter) {
        Geometry geometry = geometry(images);
        return DepthwiseKernel.convolution(geometry, height(images), filter(filter, geometry));
    }

    /** To be run by rows. */
    DepthwiseKernel inputGradient(PtNDArray images, PtNDArray filter) {
        Geometry geometry = geometry(images);
        return DepthwiseKernel.inputGradient(geometry, height(images), filter(filter, geometry));
    }

    /** To be run by rows. What it has found is {@link #add added} at the end. */
    DepthwiseKernel filterGradient(PtNDArray images) {
        return DepthwiseKernel.filterGradient(geometry(images), height(images));
    }

    /**
     * Adds what a kernel has found to a filter's gradient.
     *
     * @param sum float32 [C, 1, kernel, kernel]
     */
    void add(PtNDArray sum, DepthwiseKernel kernel, PtNDArray images) {
        float[] values = filter(sum, geometry(images));
        kernel.addTo(values);
        pointer(sum).write(0, values, 0, values.length);
    }

    /** @throws IllegalArgumentException if an array is not like the convolution of these images */
    void checkLikeOutput(PtNDArray array, PtNDArray images) {
        Geometry geometry = geometry(images);
        geometry.elements().check(array, outputShape(images, geometry));
    }

    /** An array for the convolution of these images. */
    PtNDArray emptyOutput(PtNDArray images) {
        Shape shape = outputShape(images, geometry(images));
        try (PtNDArray high = JniUtils.slice(images, HEIGHT, 0, shape.get(HEIGHT), 1);
                PtNDArray part = JniUtils.slice(high, WIDTH, 0, shape.get(WIDTH), 1)) {
            return LibTorch.emptyLike(part);
        }
    }

    Geometry geometry(PtNDArray images) {
        if (!Kernels.fit(images)) {
            throw new IllegalArgumentException(
                    "no kernel for %s %s".formatted(images.getDataType(), images.getShape()));
        }
        Shape shape = images.getShape();
        return new Geometry(
                Elements.of(images).orElseThrow(), kernel, stride, (int) shape.get(WIDTH), (int) shape.get(1));
    }

    private float[] filter(PtNDArray filter, Geometry geometry) {
        if (!filter.getShape().equals(new Shape(geometry.channels(), 1, kernel, kernel))) {
            throw new IllegalArgumentException(
                    "a filter of %s for %d channels".formatted(filter.getShape(), geometry.channels()));
        }
        return pointer(filter).getFloatArray(0, (int) filter.size());
    }

    private static Shape outputShape(PtNDArray images, Geometry geometry) {
        Shape shape = images.getShape();
        return new Shape(shape.get(0), shape.get(1), geometry.outputs((int) shape.get(HEIGHT)), geometry.outputs((int)
                shape.get(WIDTH)));
    }

    static int height(PtNDArray images) {
        return (int) images.getShape().get(HEIGHT);
    }

    private static long images(PtNDArray images) {
        return images.getShape().get(0);
    }

    private static Pointer pointer(PtNDArray array) {
        return new Pointer(LibTorch.address(array));
    }
}
