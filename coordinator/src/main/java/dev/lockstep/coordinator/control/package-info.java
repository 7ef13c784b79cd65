/** Run control: the guardian, the runs, the measurements, and the plain logic they are shells of. */
package dev.lockstep.coordinator.control;
