package dev.lockstep.common.work;

/**
 * The engine a worker loaded.
 *
 * @param threads intra-op threads of the replica
 * @param cudaVersion null on CPU builds
 * @param cudnnVersion null on CPU builds
 * @param allocator what gives out the host memory of tensors, as in {@code glibc 2.36, huge pages}
 * @param kernels what does batch norm, SiLU and depthwise convolutions in training: Lockstep's own machine code, as in {@code AVX-512 for channels-last
 *     float32}, or {@code libtorch}
 */
public record EngineInfo(
        String djlVersion,
        String pytorchVersion,
        String cudaVersion,
        String cudnnVersion,
        int threads,
        String allocator,
        String kernels) {}
