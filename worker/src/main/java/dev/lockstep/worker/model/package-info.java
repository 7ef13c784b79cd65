/** EfficientNet as DJL blocks, equal to torchvision's in structure, names and initialisation. Knows no Akka. */
package dev.lockstep.worker.model;
