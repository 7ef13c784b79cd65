/** What a replica on an NVIDIA GPU needs beside DJL: the CUDA runtime's C API. Knows no Akka. */
package dev.lockstep.worker.cuda;
