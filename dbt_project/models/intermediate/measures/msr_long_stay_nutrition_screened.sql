{{ assessed_among('long_stay_residents', 'nutrition_screening') }}
