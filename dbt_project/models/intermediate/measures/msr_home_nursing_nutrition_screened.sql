{{ assessed_among('home_nursing_users', 'nutrition_screening') }}
