/** Where the CUDA build of libtorch lies, and how it gets there. Files alone: no Akka, no DJL, nothing is loaded. */
package dev.lockstep.common.natives;
