package app

import "testing"

func TestAnimalMakeDog(t *testing.T) {
	dog := AnimalMakeDog()
	if int(dog.kind) != AnimalDogKind() {
		panic("wrong kind")
	}
}
