/** What Lockstep calls beside DJL's own interface: libtorch's and the C library's functions by JNA, and what Linux tells of memory. */
package dev.lockstep.worker.libtorch;
