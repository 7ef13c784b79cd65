/** Machine code for what neither libtorch nor oneDNN has a kernel for. */
package dev.lockstep.worker.kernel;
