package dev.lockstep.common.plan;

import com.fasterxml.jackson.annotation.JsonValue;

/** The arithmetic of forward and backward; parameters and optimizer state are float32 in all of them. */
public enum Precision implements Labelled {
    /** Float32 as PyTorch runs it: TF32 is allowed in cuDNN on GPUs that have it. */
    FP32("fp32"),
    /** Float32 without TF32. */
    FP32_STRICT("fp32-strict"),
    /** libtorch autocast: float16 with a GradScaler on CUDA, bfloat16 on CPU. */
    AMP("amp"),
    /** libtorch autocast to float16 with a GradScaler. */
    AMP_FP16("amp-fp16"),
    /** libtorch autocast to bfloat16. */
    AMP_BF16("amp-bf16");

    private final String label;

    Precision(String label) {
        this.label = label;
    }

    @Override
    @JsonValue
    public String label() {
        return label;
    }
}
