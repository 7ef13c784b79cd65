/** The same training by other programs: finds a Python with PyTorch, and has it do what Lockstep measures. Free of Akka. */
package dev.lockstep.coordinator.peers;
