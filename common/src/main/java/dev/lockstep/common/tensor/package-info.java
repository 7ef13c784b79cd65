/** Tensors in files and side by side: safetensors read and written, and the comparison of two traces. Pure Java: no Akka, no DJL. */
package dev.lockstep.common.tensor;
